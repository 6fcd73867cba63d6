"""A calendar as a YAML file that a person could have written.

Owns the abbreviations (`mon-fri`, a plain name where there is one language, a bare id for a skill without terms of its
own) and the layout: sections apart, small things on one line. Invariant: `parse_catalogue` reads the same calendar.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import yaml

from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue.spelling import CLOSED, week_text
from wamesh.booking.catalogue.tree import Tree, tree_of
from wamesh.booking.catalogue.values import WEEKDAYS

_WIDTH: Final = 110
_ENDLESS: Final = 2**31
_ONE_THING_A_LINE: Final = ("closures", "categories", "resources")
_TIMES: Final = re.compile(r"\d[\d:-]*( [\d:]+)?")
_WEEKS: Final = ("hours", "breaks")


def write_catalogue(calendar: Calendar) -> str:
    """Returns the calendar as a file; what holds by default is left out."""
    language = calendar.company.language
    sections = {key: _laid_out(key, _short(content, language)) for key, content in tree_of(calendar).items()}
    return "\n".join(_dumped({key: content}, _WIDTH) for key, content in sections.items())


def line_text(part: Any, language: str) -> str:
    """Returns a part of a tree on one line, such as `{id: 7, name: Haircut}`; a text is itself."""
    short = _short(part, language)
    return short if isinstance(short, str) else _dumped(_line(short), _ENDLESS).strip()


def _short(part: Any, language: str) -> Any:
    """Returns a part of a tree as people write it."""
    if isinstance(part, list):
        return [_short(each, language) for each in part]
    if not isinstance(part, dict):
        return part
    return {key: _short(_shortened(key, value, part, language), language) for key, value in part.items()}


def _shortened(key: str, value: Any, thing: Tree, language: str) -> Any:
    if key == "name" and isinstance(value, dict) and list(value) == [language]:
        return value[language]
    if key in _WEEKS and isinstance(value, dict):
        return week_text(value)
    if key == "services":
        return [each["id"] if list(each) == ["id"] else each for each in value]
    if key == "overrides":
        return [_override(each, thing.get("breaks", {})) for each in value]
    return value


def _override(override: Tree, weekly_breaks: Mapping[str, str]) -> Tree:
    """Leaves out the breaks that the day of the week has anyway."""
    weekday = WEEKDAYS[date.fromisoformat(override["date"]).weekday()]
    usual = override["breaks"] == weekly_breaks.get(weekday, CLOSED)
    return {key: value for key, value in override.items() if not (usual and key == "breaks")}


class _Line:
    """Content that stands on one line."""

    def __init__(self, content: Any) -> None:
        self.content = content


def _laid_out(section: str, content: Any) -> Any:
    if section in _ONE_THING_A_LINE:
        return [_Line(each) for each in content]
    return [_thing(each) for each in content] if isinstance(content, list) else _thing(content)


def _thing(thing: Tree) -> Tree:
    return {key: value if key in _WEEKS else _line(value) for key, value in thing.items()}


def _line(value: Any) -> Any:
    """Puts a list of texts or a mapping on one line, and each element of another list."""
    if isinstance(value, list) and not all(isinstance(each, str) for each in value):
        return [_Line(each) for each in value]
    return _Line(value)


class _Dumper(yaml.BaseDumper):
    """Writes each text as plainly as YAML allows: the reader takes no text for a number or a date."""

    def ignore_aliases(self, data: Any) -> bool:
        """Writes equal content out each time."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indents lists below their key."""
        super().increase_indent(flow, False)

    def analyze_scalar(self, scalar: str) -> Any:
        """Leaves times without quotes on one-line mappings too: a colon needs none with no space behind it."""
        analysis = super().analyze_scalar(scalar)
        analysis.allow_flow_plain |= bool(_TIMES.fullmatch(scalar))
        return analysis

    def _text(self, text: str) -> yaml.Node:
        return self.represent_scalar("tag:yaml.org,2002:str", text)

    def _list(self, items: list[Any]) -> yaml.Node:
        return self.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=False)

    def _mapping(self, mapping: Tree) -> yaml.Node:
        return self.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=False)

    def _one_line(self, line: _Line) -> yaml.Node:
        node = self.represent_data(line.content)
        _flow(node)
        return node


def _flow(node: yaml.Node) -> None:
    if isinstance(node, yaml.CollectionNode):
        node.flow_style = True


_Dumper.add_representer(str, _Dumper._text)
_Dumper.add_representer(list, _Dumper._list)
_Dumper.add_representer(dict, _Dumper._mapping)
_Dumper.add_representer(_Line, _Dumper._one_line)


def _dumped(content: Any, width: int) -> str:
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width))
