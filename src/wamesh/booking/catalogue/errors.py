"""The refusals of catalogues, each named as `ErrorReason` of `wamesh.booking.v1` names it.

    CatalogueInvalid           INVALID_ARGUMENT   the catalogue would contradict itself, or its file is wrong
    CatalogueChanged           ABORTED            the catalogue is not at the revision that the caller knows
    CategoryNotFound, ResourceNotFound            NOT_FOUND

Owns the sentences and their metadata; those that booking refuses with too are in `errors`.
"""

from wamesh.errors import Aborted, InvalidArgument, NotFound


class CatalogueInvalid(InvalidArgument):
    """The catalogue contradicts itself or cannot be read; `violations` has all that is wrong."""

    reason = "CATALOGUE_INVALID"

    @property
    def problems(self) -> list[str]:
        """One sentence for each violation, with its path."""
        return [f"{each.field}: {each.description}" for each in self.violations]


class CatalogueChanged(Aborted):
    """The catalogue is not at the revision that the caller expects."""

    reason = "CATALOGUE_CHANGED"

    def __init__(self, expected: int, revision: int) -> None:
        super().__init__(
            f"The catalogue is at revision {revision}, not {expected}; read it again.",
            {"expected_revision": str(expected), "revision": str(revision)},
        )


class CategoryNotFound(NotFound):
    """The company has no such category of services."""

    reason = "CATEGORY_NOT_FOUND"

    def __init__(self, category_id: int) -> None:
        super().__init__("category", str(category_id))


class ResourceNotFound(NotFound):
    """The company has no such resource."""

    reason = "RESOURCE_NOT_FOUND"

    def __init__(self, resource_id: int) -> None:
        super().__init__("resource", str(resource_id))
