"""JSON as bytes to Python values, without the leniency of the standard reader.

Refuses with MalformedJson: bytes that are not UTF-8, a key that comes twice in one object (readers disagree on which
one counts), NaN and Infinity, numbers of absurd length and nesting of absurd depth.

Invariant: an integer literal arrives as int, anything with a point or an exponent as float; `1.0` is never an int.
"""

import json
from typing import Any, Final, NoReturn

MAX_NUMBER_LENGTH: Final = 64


class MalformedJson(ValueError):
    """The bytes are not JSON; the sentence says where or why."""


def read(body: bytes) -> Any:
    """The value that the bytes spell. Raises MalformedJson."""
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_without_twins,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except MalformedJson:
        raise
    except UnicodeDecodeError as error:
        raise MalformedJson(f"The body is not UTF-8: byte {error.start} is wrong.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedJson(f"The body is not JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise MalformedJson("The body is nested too deeply.") from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, each in pairs:
        if key in value:
            raise MalformedJson(f"The key {key[:64]!r} comes twice in one object.")
        value[key] = each
    return value


def _refuse_constant(word: str) -> NoReturn:
    raise MalformedJson(f"{word} is not JSON.")


def _integer(text: str) -> int:
    return int(_short(text))


def _number(text: str) -> float:
    return float(_short(text))


def _short(text: str) -> str:
    if len(text) > MAX_NUMBER_LENGTH:
        raise MalformedJson(f"A number has more than {MAX_NUMBER_LENGTH} characters.")
    return text
