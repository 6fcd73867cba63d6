"""Slot tokens: an offer that the caller carries and this service can trust when it comes back.

Owns the content of the token: the company, the terms that were shown, and the wishes behind them, so that a
lost offer can be answered with others of the same kind. Refuses state: an offer reserves nothing and is
stored nowhere.

Invariant: a token opens to exactly the terms that it was sealed with, and only for its company.
"""

from collections.abc import Sequence
from typing import Any, Final

from wamesh.booking.appointments import Terms, TermsPart, Wish
from wamesh.booking.errors import SlotTokenInvalid
from wamesh.booking.signing import Signer

_PURPOSE: Final = "slot"


def seal_offer(company_id: int, wishes: Sequence[Wish], terms: Terms, signer: Signer) -> str:
    """Returns the token of an offer: its terms, and the wishes that other offers could fulfil as well."""
    parts = [[each.service_id, each.staff_id, each.start, each.end] for each in terms.parts]
    wanted = [
        [None if each.only is None else sorted(each.only), sorted(each.excluded), each.same_staff_as_previous]
        for each in wishes
    ]
    return signer.seal(_PURPOSE, [company_id, parts, wanted, terms.price_micros, terms.currency])


def open_offer(company_id: int, token: str, signer: Signer) -> tuple[tuple[Wish, ...], Terms]:
    """Returns the wishes and the terms of an offer to this company's customers. Raises SlotTokenInvalid."""
    value: Any = signer.open(_PURPOSE, token)
    if value is None or value[0] != company_id:
        raise SlotTokenInvalid
    _, parts, wanted, price_micros, currency = value
    terms = Terms(tuple(TermsPart(*each) for each in parts), price_micros, currency)
    wishes = tuple(
        Wish(part.service_id, None if only is None else frozenset(only), frozenset(excluded), same)
        for part, (only, excluded, same) in zip(terms.parts, wanted, strict=True)
    )
    return wishes, terms
