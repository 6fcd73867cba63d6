"""Path templates of `google.api.http`: their grammar, and which path matches which.

Owns the part of the grammar that the contract uses, and refuses the rest at start-up with TemplateError:

    template = "/" segment { "/" segment } [ ":" verb ]
    segment  = literal | "{" field "}"

`*`, `**` and `{field=pattern}` are not part of it; nor are fields of fields.

A variable takes one whole segment, which may not be empty. Matching works on the path as it was sent, and decodes
percent-escapes last: an escaped slash never splits a segment, and an escaped colon never begins a verb.

Invariant: one path matches the same template whatever the order in which templates were declared. Order of
preference: with a verb before without, then literals before variables.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_LITERAL: Final = re.compile(r"[A-Za-z0-9._~-]+")
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]*")


class TemplateError(ValueError):
    """The contract has a path that this module does not understand."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A segment that carries the value of a request field."""

    field: str


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed path template."""

    source: str
    segments: tuple[str | Variable, ...]
    verb: str
    pattern: re.Pattern[str]

    @property
    def fields(self) -> tuple[str, ...]:
        """The request fields that the path carries, in its order."""
        return tuple(each.field for each in self.segments if isinstance(each, Variable))

    @property
    def shape(self) -> str:
        """The template without its fields' names; two templates of one shape match the same paths."""
        return self.pattern.pattern

    @property
    def preference(self) -> tuple[bool, tuple[bool, ...]]:
        """Sorts templates: the first one that matches is the meant one."""
        return not self.verb, tuple(isinstance(each, Variable) for each in self.segments)

    def match(self, raw_path: str) -> Mapping[str, str] | None:
        """The variables' values of a path as sent, still percent-encoded, or None when it does not match."""
        found = self.pattern.fullmatch(raw_path)
        return None if found is None else dict(zip(self.fields, found.groups(), strict=True))


def parse(source: str) -> Template:
    """Parses a template such as `/v1/companies/{company_id}/session:start`. Raises TemplateError."""
    path, verb = _split_verb(source)
    if not path.startswith("/"):
        raise TemplateError(f"{source}: a path begins with a slash")
    segments = tuple(_segment(each, source) for each in path[1:].split("/"))
    template = Template(source, segments, verb, _pattern(segments, verb))
    if len(set(template.fields)) != len(template.fields):
        raise TemplateError(f"{source}: a field occurs twice")
    return template


def decode(raw: str) -> str:
    """A variable's value without percent-escapes. Raises ValueError when they are not UTF-8."""
    return unquote(raw, errors="strict")


def _split_verb(source: str) -> tuple[str, str]:
    path, colon, verb = source.rpartition(":")
    if not colon:
        return source, ""
    if not _LITERAL.fullmatch(verb):
        raise TemplateError(f"{source}: {verb!r} is not a verb")
    return path, verb


def _segment(text: str, source: str) -> str | Variable:
    if text.startswith("{") and text.endswith("}") and _FIELD.fullmatch(text[1:-1]):
        return Variable(text[1:-1])
    if _LITERAL.fullmatch(text):
        return text
    raise TemplateError(f"{source}: {text!r} is neither a literal nor a field in braces")


def _pattern(segments: tuple[str | Variable, ...], verb: str) -> re.Pattern[str]:
    parts = ("([^/]+)" if isinstance(each, Variable) else re.escape(each) for each in segments)
    suffix = f":{re.escape(verb)}" if verb else ""
    return re.compile("/" + "/".join(parts) + suffix)
