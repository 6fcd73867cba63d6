"""The differences between two catalogues, told in the words of their files.

Owns the paths: `company.name`, `services[id 1].price`, `staff[id 2].hours.mon-fri`, `closures[2026-12-25]`. A thing
that is new or gone is one difference, with the whole of it as one line; in one that stays each key is told by itself.

Invariant: two consistent calendars differ in nothing exactly when they are equal, but for what other calendars of the
staff tell.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue.spelling import week_text
from wamesh.booking.catalogue.tree import Tree, tree_of
from wamesh.booking.catalogue.values import WEEKDAYS
from wamesh.booking.catalogue.writing import line_text

_OPENED: Final = ("company", "booking", "holidays", "name", "hours", "breaks")
"""Mappings whose keys are told one by one, also when the whole of it is new."""


class CatalogueChange(NamedTuple):
    """What stood at a path and what stands there now; empty for nothing."""

    path: str
    before: str
    after: str


def changes_between(old: Calendar | None, new: Calendar) -> list[CatalogueChange]:
    """Returns how a catalogue differs from an older one, or from none, in the order of the file."""
    language = new.company.language
    return [
        CatalogueChange(path, line_text(before, language), line_text(after, language))
        for path, before, after in _between(tree_of(old) if old else {}, tree_of(new), "")
    ]


def _between(old: Tree, new: Tree, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Yields the differing values of two mappings with their paths; an absent one is an empty text."""
    for key in [*new, *(each for each in old if each not in new)]:
        yield from _at(old.get(key, ""), new.get(key, ""), f"{path}.{key}" if path else key, key)


def _at(old: Any, new: Any, path: str, key: str) -> Iterator[tuple[str, Any, Any]]:
    if old == new:
        return
    if key in ("hours", "breaks") and (isinstance(old, dict) or isinstance(new, dict)):
        yield from _weeks(old or {}, new or {}, path)
    elif _is_list_of_things(old) or _is_list_of_things(new):
        yield from _lists(old or [], new or [], path)
    elif isinstance(old or {}, dict) and isinstance(new or {}, dict) and (key in _OPENED or (old and new)):
        yield from _between(old or {}, new or {}, path)
    else:
        yield path, old, new


def _is_list_of_things(value: Any) -> bool:
    return isinstance(value, list) and isinstance(value[0], dict)


def _weeks(old: Mapping[str, str], new: Mapping[str, str], path: str) -> Iterator[tuple[str, str, str]]:
    """Yields the weekdays that differ, neighbours that differ alike together."""
    pairs = {day: (old.get(day, ""), new.get(day, "")) for day in WEEKDAYS}
    differing = {day: pair for day, pair in pairs.items() if pair[0] != pair[1]}
    for days, (before, after) in week_text(differing).items():
        yield f"{path}.{days}", before, after


def _lists(old: list[Tree], new: list[Tree], path: str) -> Iterator[tuple[str, Any, Any]]:
    """Yields the things that are new, gone or other than before, and the order where that alone differs."""
    olds, news = ({_name(each): each for each in things} for things in (old, new))
    yield from (
        found
        for name in [*news, *(each for each in olds if each not in news)]
        for found in _at(olds.get(name, ""), news.get(name, ""), f"{path}[{name}]", "")
    )
    before, after = ([name for name in one if name in other] for one, other in ((olds, news), (news, olds)))
    if before != after:
        yield path, ", ".join(before), ", ".join(after)


def _name(thing: Tree) -> str:
    """Returns what tells a thing from its like: its id, its resource, its date or its ends."""
    for key in ("id", "resource"):
        if key in thing:
            return f"{key} {thing[key]}"
    return str(thing.get("date") or f"{thing['from']} to {thing['to']}")
