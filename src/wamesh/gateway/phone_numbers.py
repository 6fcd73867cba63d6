"""Phone numbers as callers write them, made E.164 or refused with the reason.

Owns: the judgement of a number by `phonenumbers`. Asks whether a number is *possible*, not whether it is
*assigned*: numbering plans change faster than tables, and fictional numbers must pass. Refuses: guessing a
country.
"""

import re
from functools import lru_cache
from typing import Final

from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    parse,
)

from wamesh.gateway.message_errors import PhoneNumberImpossible

_WRITTEN: Final = re.compile(r"\+[0-9][0-9 ().\-\u00a0]*")
_UNKNOWN_COUNTRY: Final = "does not begin with the code of any country"
_WHY: Final = {
    ValidationResult.INVALID_COUNTRY_CODE: _UNKNOWN_COUNTRY,
    ValidationResult.TOO_SHORT: "is too short for a number of country code {country}",
    ValidationResult.TOO_LONG: "is too long for a number of country code {country}",
    ValidationResult.INVALID_LENGTH: "has a length that no number of country code {country} has",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks the area code",
}
_WHY_UNREADABLE: Final = {
    NumberParseException.INVALID_COUNTRY_CODE: _UNKNOWN_COUNTRY,
    NumberParseException.TOO_LONG: "is too long for a phone number",
}


def to_e164(text: str, field: str = "phone_number") -> str:
    """The number in E.164 (`+12025550123`); spaces, hyphens, dots and brackets are dropped.

    Raises PhoneNumberImpossible, which names `field` and says why.
    """
    number, problem = _judge(text.strip())
    if problem:
        raise PhoneNumberImpossible(field, problem)
    return number


@lru_cache(maxsize=65_536)
def _judge(text: str) -> tuple[str, str]:
    """The number in E.164, or else what is wrong with it."""
    if not text.startswith("+"):
        return "", f"{text} must begin with + and the country code, as +12025550123 does"
    if not _WRITTEN.fullmatch(text):
        return "", f"{text} must hold digits only after the +, besides spaces and hyphens"
    try:
        number = parse(text)
    except NumberParseException as error:
        return "", f"{text} {_WHY_UNREADABLE.get(error.error_type, 'is too short for a phone number')}"
    return _judge_parsed(text, number)


def _judge_parsed(text: str, number: PhoneNumber) -> tuple[str, str]:
    result = is_possible_number_with_reason(number)
    if result == ValidationResult.IS_POSSIBLE:
        return format_number(number, PhoneNumberFormat.E164), ""
    return "", f"{text} {_WHY[result].format(country=number.country_code)}"
