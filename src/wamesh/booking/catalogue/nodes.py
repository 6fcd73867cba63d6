"""One node of a catalogue's tree, and the YAML that it is read from.

Owns paths and the collecting of problems: a node knows where it stands, and notes what is wrong instead of raising, so
that a reader can go on and tell everything at once. In a list of things with ids the path names the id, as in
`services[id 1].price`, in lists of dates the date, else the position. Every scalar is the text that stands in the file:
YAML's guesses (`10:00` as 600, `no` as false) are switched off.

Invariant: after a problem was noted, a reader gets a harmless value of the right type; the calendar built of it is
thrown away.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import yaml

from wamesh.booking.catalogue.values import MAX_TEXT, Broken, flag_of, line_of
from wamesh.errors import Violation

T = TypeVar("T")

_LONGEST_LABEL: Final = 40


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file with its path; None when the file has nothing there."""

    value: Any
    path: str = ""
    problems: list[Violation] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.value is not None

    def problem(self, sentence: str) -> None:
        """Notes what is wrong here."""
        self.problems.append(Violation(self.path or "the file", sentence))

    def get(self, key: str) -> "Node":
        """Returns the value under a key."""
        value = self.value.get(key) if isinstance(self.value, Mapping) else None
        return Node(None if value == "" else value, f"{self.path}.{key}" if self.path else key, self.problems)

    def expect_keys(self, *known: str) -> "Node":
        """Notes a value that is not a mapping, and each key that is not known. Returns the node."""
        for key, _ in self.entries():
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
                self.get(key).problem(f"is not a known key; {hint}")
        return self

    def entries(self) -> Iterator[tuple[str, "Node"]]:
        """Yields the keys of a mapping with their values."""
        if isinstance(self.value, Mapping):
            yield from ((str(key), self.get(str(key))) for key in self.value)
        elif self:
            self.problem("must be a mapping of keys to values")

    def items(self, *keys: str) -> list["Node"]:
        """Returns the elements of a list; a lone value is a list of one. Their paths name the value of the first of the
        keys that they have: `[id 7]`, for dates only the date.
        """
        if not self:
            return []
        values = self.value if isinstance(self.value, list) else [self.value]
        labels = (_label(each, keys) or str(index) for index, each in enumerate(values))
        return [Node(each, f"{self.path}[{label}]", self.problems) for each, label in zip(values, labels, strict=True)]

    def texts(self) -> list["Node"]:
        """Like `items`, but a lone value keeps its own path."""
        return self.items() if isinstance(self.value, list) else [self] if self else []

    def text(self, default: str | None = None, most: int = MAX_TEXT) -> str:
        """Returns a text that is not empty, of at most so many characters; required unless there is a default."""
        return self.parsed(lambda text: line_of(text, most), default or "", required=default is None)

    def flag(self) -> bool:
        """Returns `true` or `false`; false unless it is there."""
        return self.parsed(flag_of, False)

    def number(self, low: int, high: int, default: int | None = None) -> int:
        """Returns a whole number of a range; required unless there is a default."""

        def whole(text: str) -> int:
            if not re.fullmatch(r"[+-]?\d{1,19}", text) or not low <= int(text) <= high:
                raise Broken(f"is not a whole number from {low} to {high}")
            return int(text)

        return self.parsed(whole, low if default is None else default, required=default is None)

    def parsed(self, parse: Callable[[str], T], default: T, required: bool = False) -> T:
        """Returns what the text means, or the default, noting what is wrong."""
        if not self:
            if required:
                self.problem("is missing")
            return default
        if not isinstance(self.value, str):
            self.problem("must be a single value")
            return default
        try:
            return parse(self.value.strip())
        except Broken as error:
            self.problem(str(error) if error.complete else f'"{self.value}" {error}')
            return default


def _label(value: Any, keys: tuple[str, ...]) -> str:
    """Returns what names an element of a list; empty where nothing does."""
    if not keys:
        return ""
    named = value if isinstance(value, Mapping) else {keys[0]: value}
    key = next((each for each in keys if isinstance(named.get(each), str)), "")
    text = str(named.get(key, "")).strip()
    if not text.isprintable() or not 0 < len(text) <= _LONGEST_LABEL or set(text) & set("[]{}"):
        return ""
    if key == "from":
        return f"{text} to {named['to']}" if isinstance(named.get("to"), str) else ""
    return text if key == "date" else f"{key} {text}"


class TextLoader(yaml.BaseLoader):
    """YAML in which every scalar is text, a key stands once in its mapping, and nothing refers to something else."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuses an alias, by which a small text could be a huge or endless tree."""
        if self.check_event(yaml.AliasEvent):
            alias: Any = self.get_event()  # type: ignore[no-untyped-call]
            problem = f"the alias *{alias.anchor} is not read here; write out what it stands for"
            raise yaml.composer.ComposerError(None, None, problem, alias.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuses a key that stands twice, which YAML would let win silently."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in seen:
                problem = f"the key {key} stands twice" if isinstance(key, str) else "a key must be a text"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)
