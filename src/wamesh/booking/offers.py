"""Slot tokens: an offer that the caller carries and this service can trust when it comes back.

Owns the content of the token: the company, the terms that were shown, and the wishes behind them, so that a
lost offer can be answered with others of the same kind. What all offers of one answer share is encoded once, as
a line of JSON; after it come the price and the parts of each, as fixed-width integers. A hold's token is an offer too,
with the id of the hold, so that an offer whose hold has expired can still be taken up. Refuses state: an offer reserves
nothing and is stored nowhere.

Invariant: a token opens to exactly the terms that it was sealed with, only for its company and only as what it is.
"""

import json
from collections.abc import Sequence
from struct import Struct
from typing import Any, Final

from wamesh.booking.appointments import Terms, TermsPart, Wish
from wamesh.booking.errors import HoldTokenInvalid, SlotTokenInvalid
from wamesh.booking.signing import Signer

_SLOT: Final = b"slot 2"
_HOLD: Final = b"hold"
_HOLD_ID: Final = Struct(">Q")
_PRICE: Final = Struct(">Q")
_PART: Final = Struct(">QQqq")
"""Service, staff member, start and end; ids are positive in the contract, minutes may lie before 1970."""


class OfferSealer:
    """Makes the tokens of one answer: offers of one company, for as many seats, that fulfil the same wishes."""

    def __init__(self, company_id: int, wishes: Sequence[Wish], party_size: int, currency: str, signer: Signer) -> None:
        wanted = [
            [
                None if each.only is None else sorted(each.only),
                sorted(each.excluded),
                each.same_staff_as_previous,
                each.duration_minutes,
            ]
            for each in wishes
        ]
        shared = [company_id, currency, party_size, wanted]
        self._shared = json.dumps(shared, separators=(",", ":")).encode() + b"\n"
        self._signer = signer

    def seal(self, terms: Terms) -> str:
        """Returns the token of an offer: its terms, and the wishes that other offers could fulfil as well."""
        return self._signer.seal(_SLOT, self._content(terms))

    def seal_hold(self, hold_id: int, terms: Terms) -> str:
        """Returns the token of a hold on an offer."""
        return self._signer.seal(_HOLD, _HOLD_ID.pack(hold_id) + self._content(terms))

    def _content(self, terms: Terms) -> bytes:
        parts = b"".join([_PART.pack(*each) for each in terms.parts])
        return self._shared + _PRICE.pack(terms.price_micros) + parts


def open_offer(company_id: int, token: str, signer: Signer) -> tuple[tuple[Wish, ...], Terms]:
    """Returns the wishes and the terms of an offer to this company's customers. Raises SlotTokenInvalid."""
    content = signer.open(_SLOT, token)
    offer = None if content is None else _offer(company_id, content)
    if offer is None:
        raise SlotTokenInvalid
    return offer


def open_hold(company_id: int, token: str, signer: Signer) -> tuple[int, tuple[Wish, ...], Terms]:
    """Returns the id of a hold of this company, and the wishes and terms that it holds. Raises HoldTokenInvalid."""
    content = signer.open(_HOLD, token)
    offer = None if content is None else _offer(company_id, content[_HOLD_ID.size :])
    if content is None or offer is None:
        raise HoldTokenInvalid
    return (*_HOLD_ID.unpack_from(content), *offer)


def _offer(company_id: int, content: bytes) -> tuple[tuple[Wish, ...], Terms] | None:
    """Reads what this service has sealed; None when it was for another company."""
    shared, _, packed = content.partition(b"\n")
    company, currency, party_size, wanted = json.loads(shared)
    if company != company_id:
        return None
    (price_micros,) = _PRICE.unpack_from(packed)
    parts = tuple(TermsPart(*each) for each in _PART.iter_unpack(packed[_PRICE.size :]))
    wishes = tuple(_wish(part.service_id, *each) for part, each in zip(parts, wanted, strict=True))
    return wishes, Terms(parts, price_micros, currency, party_size)


def _wish(service_id: int, only: Any, excluded: Any, same_staff: bool, duration_minutes: int | None) -> Wish:
    return Wish(
        service_id,
        None if only is None else frozenset(only),
        frozenset(excluded),
        same_staff,
        duration_minutes,
        path="slot_token",
    )
