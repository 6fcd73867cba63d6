"""The comments of a compiled image, by full name: what the HTTP edge tells about the contract in its OpenAPI document.

Covers the packages that the edge serves. A line that speaks to buf, and not to a reader, is left out.
"""

import json
from collections.abc import Iterator, Sequence

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

SERVED_PACKAGES = ("wamesh.gateway.v1", "wamesh.booking.v1")
_SYNTAX = (FileDescriptorProto.SYNTAX_FIELD_NUMBER,)


def as_json(image: FileDescriptorSet) -> str:
    """The comments as a JSON object, sorted by name, one a line."""
    found = {name: text for file in image.file if file.package in SERVED_PACKAGES for name, text in comments(file)}
    return json.dumps(found, ensure_ascii=False, indent=0, sort_keys=True) + "\n"


def comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Full name and comment of each commented declaration of a file; the package's name has the file's own."""
    for location in file.source_code_info.location:
        path = tuple(location.path)
        text = _readable(location.leading_comments)
        if text and path == _SYNTAX:
            yield file.package, text
        elif text:
            yield f"{file.package}.{_name(file, path)}", text


def _readable(comment: str) -> str:
    """The comment with its lines joined into paragraphs."""
    kept = (line.strip() for line in comment.splitlines() if not line.strip().startswith("buf:lint:"))
    paragraphs = "\n".join(kept).strip().split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _name(file: FileDescriptorProto, path: Sequence[int]) -> str:
    """The name, within its package, of the declaration at a path of field numbers and indexes."""
    names, place = [], file
    for number, index in zip(path[::2], path[1::2], strict=True):
        field = place.DESCRIPTOR.fields_by_number[number]
        place = getattr(place, field.name)[index]
        names.append(place.name)
    return ".".join(names)
