"""What the library finds in place of packages that a session process never calls."""

import sys

import pytest

from wamesh.whatsapp.neonize.packages_left_out import UNCALLED, PackageLeftOut, packages_left_out


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the packages is loaded, as in a session process."""
    for name in UNCALLED:
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_names_can_be_imported_and_annotated_with() -> None:
    """The library imports names from a left out package, and joins them to types in annotations."""
    with packages_left_out():
        from PIL import Image

    def scaled(image: str | Image.Image) -> None: ...

    assert set(scaled.__annotations__) == {"image", "return"}


def test_call_says_what_is_missing() -> None:
    """Whoever calls a left out name is told which it is."""
    with packages_left_out():
        import magic
    with pytest.raises(PackageLeftOut, match=r"magic\.from_buffer is not loaded in a session process"):
        magic.from_buffer(b"")


def test_others_find_the_real_packages() -> None:
    """After the library was imported, no stand-in is left for anyone else."""
    with packages_left_out():
        pass
    assert not sys.modules.keys() & set(UNCALLED)


def test_loaded_package_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that the process has loaded is what the library finds, too."""
    monkeypatch.setitem(sys.modules, "magic", pytest)
    with packages_left_out():
        import magic
    assert magic is pytest
    assert sys.modules["magic"] is pytest
