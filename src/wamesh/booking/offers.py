"""Slot tokens: an offer that the caller carries and this service can trust when it comes back.

Owns the content of the token: the company, the terms that were shown, and the wishes behind them, so that a
lost offer can be answered with others of the same kind. What all offers of one answer share is encoded once, as
a line of JSON; after it come the price and the parts of each, as fixed-width integers. Refuses state: an offer
reserves nothing and is stored nowhere.

Invariant: a token opens to exactly the terms that it was sealed with, and only for its company.
"""

import json
from collections.abc import Sequence
from struct import Struct
from typing import Any, Final

from wamesh.booking.appointments import Terms, TermsPart, Wish
from wamesh.booking.errors import SlotTokenInvalid
from wamesh.booking.signing import Signer

_PURPOSE: Final = b"slot"
_PRICE: Final = Struct(">Q")
_PART: Final = Struct(">QQqq")
"""Service, staff member, start and end; ids are positive in the contract, minutes may lie before 1970."""


class OfferSealer:
    """Makes the tokens of one answer: offers of one company that fulfil the same wishes."""

    def __init__(self, company_id: int, wishes: Sequence[Wish], currency: str, signer: Signer) -> None:
        wanted = [
            [None if each.only is None else sorted(each.only), sorted(each.excluded), each.same_staff_as_previous]
            for each in wishes
        ]
        self._shared = json.dumps([company_id, currency, wanted], separators=(",", ":")).encode() + b"\n"
        self._signer = signer

    def seal(self, terms: Terms) -> str:
        """Returns the token of an offer: its terms, and the wishes that other offers could fulfil as well."""
        parts = b"".join([_PART.pack(*each) for each in terms.parts])
        return self._signer.seal(_PURPOSE, self._shared + _PRICE.pack(terms.price_micros) + parts)


def open_offer(company_id: int, token: str, signer: Signer) -> tuple[tuple[Wish, ...], Terms]:
    """Returns the wishes and the terms of an offer to this company's customers. Raises SlotTokenInvalid."""
    content = signer.open(_PURPOSE, token)
    if content is None:
        raise SlotTokenInvalid
    shared, _, packed = content.partition(b"\n")
    company, currency, wanted = json.loads(shared)
    if company != company_id:
        raise SlotTokenInvalid
    (price_micros,) = _PRICE.unpack_from(packed)
    parts = tuple(TermsPart(*each) for each in _PART.iter_unpack(packed[_PRICE.size :]))
    wishes = tuple(_wish(part.service_id, *each) for part, each in zip(parts, wanted, strict=True))
    return wishes, Terms(parts, price_micros, currency)


def _wish(service_id: int, only: Any, excluded: Any, same_staff_as_previous: bool) -> Wish:
    return Wish(service_id, None if only is None else frozenset(only), frozenset(excluded), same_staff_as_previous)
