"""Texts of calendars as other programs write them, and a reader of texts that shares no code with the product."""

import re

Event = dict[str, str]


def calendar(*components: str, head: str = "") -> str:
    """A calendar of these components; `head` are further lines of its own."""
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{head}{''.join(components)}END:VCALENDAR\r\n"


def event(*lines: str, uid: str = "1") -> str:
    """An event with these lines."""
    content = "".join(f"{line}\r\n" for line in lines)
    return f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n{content}END:VEVENT\r\n"


def events_of(text: str) -> list[Event]:
    """The events of a text by their properties' names, parameters left out and texts unescaped.

    Fails unless the text keeps the rules of RFC 5545 for lines: CRLF, at most 75 octets, no control characters.
    """
    assert text.endswith("\r\n")
    lines = text[:-2].split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", "".join(lines))
    found: list[Event] = []
    for line in "\r\n".join(lines).replace("\r\n ", "").split("\r\n"):
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found and name not in ("BEGIN", "END"):
            found[-1][name.partition(";")[0]] = unescaped(value)
    return found


def unescaped(value: str) -> str:
    """A text value as it was meant."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)
