"""Slot tokens open to what was sealed, for their company, and for nobody who changed them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.booking.appointments import Terms, TermsPart, Wish
from wamesh.booking.errors import HoldTokenInvalid, SlotTokenInvalid
from wamesh.booking.offers import OfferSealer, open_hold, open_offer
from wamesh.booking.signing import Signer

SIGNER = Signer(b"k" * 32)
WISHES = (
    Wish(1, duration_minutes=30),
    Wish(2, only=frozenset({8, 7})),
    Wish(3, excluded=frozenset({9}), same_staff_as_previous=True),
)
TERMS = Terms((TermsPart(1, 7, 100, 130), TermsPart(2, 8, 130, 160), TermsPart(3, 8, 160, 190)), 35_500_000, "EUR", 2)
SEALER = OfferSealer(5, WISHES, 2, "EUR", SIGNER)
TOKEN = SEALER.seal(TERMS)


def test_an_offer_opens_to_its_terms_and_wishes() -> None:
    """Sealing the same again gives the same token, so that a retried request has the same content."""
    assert open_offer(5, TOKEN, SIGNER) == (WISHES, TERMS)
    assert OfferSealer(5, WISHES, 2, "EUR", SIGNER).seal(TERMS) == TOKEN


def test_a_hold_opens_to_its_id_and_its_offer() -> None:
    """And to neither as a slot, nor a slot as a hold."""
    held = SEALER.seal_hold(2**40, TERMS)
    assert open_hold(5, held, SIGNER) == (2**40, WISHES, TERMS)
    with pytest.raises(SlotTokenInvalid):
        open_offer(5, held, SIGNER)
    with pytest.raises(HoldTokenInvalid):
        open_hold(5, TOKEN, SIGNER)
    with pytest.raises(HoldTokenInvalid):
        open_hold(6, held, SIGNER)


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="utf-8"))
def test_no_character_of_a_token_can_be_changed(position: int, other: str) -> None:
    """Not even the unused bits of the last one."""
    changed = TOKEN[:position] + other + TOKEN[position + 1 :]
    if changed == TOKEN:
        return
    with pytest.raises(SlotTokenInvalid):
        open_offer(5, changed, SIGNER)


@given(st.text(max_size=300))
def test_no_other_text_is_a_token(text: str) -> None:
    """Nothing but SlotTokenInvalid comes of it."""
    with pytest.raises(SlotTokenInvalid):
        open_offer(5, text, SIGNER)


def test_a_token_is_good_for_its_company_installation_and_purpose() -> None:
    """Another company, another key or another kind of token is refused alike."""
    with pytest.raises(SlotTokenInvalid):
        open_offer(6, TOKEN, SIGNER)
    with pytest.raises(SlotTokenInvalid):
        open_offer(5, TOKEN, Signer(b"other" * 8))
    with pytest.raises(SlotTokenInvalid):
        open_offer(5, SIGNER.seal(b"page", SIGNER.open(b"slot 2", TOKEN) or b""), SIGNER)
