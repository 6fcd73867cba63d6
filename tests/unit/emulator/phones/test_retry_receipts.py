"""Retry receipts as stanzas."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.randomness import seeded_bytes

from wamesh.emulator.codec import Address, Node, decode, encode
from wamesh.emulator.phones.retry_receipts import RetryRequest, retry_receipt
from wamesh.emulator.signal import Keyring

AUTHOR = Address("123456789012345", "lid", 2)
MESSAGE = Node("message", {"from": AUTHOR, "id": "A1", "t": "1767268800"})
KEYRING = Keyring.create(seeded_bytes("phone"))


@settings(max_examples=50)
@given(st.integers(1, 4), st.sampled_from([None, False, True]))
def test_what_is_asked_is_read(count: int, one_time: bool | None) -> None:
    """Count, id and keys come back through the wire's encoding."""
    bundle = None if one_time is None else KEYRING.bundle(one_time=one_time)
    receipt = decode(encode(retry_receipt(MESSAGE, count, KEYRING.registration_id, bundle)))
    assert RetryRequest.parse(receipt) == RetryRequest("A1", count, bundle)
    assert (receipt.address("to"), receipt.attribute("type")) == (AUTHOR, "retry")


@pytest.mark.parametrize(
    "children",
    [
        (),
        (Node("retry", {"count": "many"}),),
        (Node("retry", {"count": "2"}), Node("keys")),
        (Node("retry", {"count": "2"}), Node("keys", {}, (Node("skey"), Node("identity")))),
    ],
)
def test_nonsense_is_refused(children: tuple[Node, ...]) -> None:
    """A receipt that lacks what it needs is a ValueError, whatever it lacks."""
    with pytest.raises(ValueError):
        RetryRequest.parse(Node("receipt", {"id": "A1", "type": "retry"}, children))
