"""Which key each message gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.randomness import seeded_bytes

from wamesh.emulator.signal import curve
from wamesh.emulator.signal.errors import DuplicateMessage, UndecryptableMessage
from wamesh.emulator.signal.ratchet import RECEIVING_CHAINS_MAX, SKIPPED_MAX, Chain, Outgoing, Ratchet, ReceivingChain

ROOT = b"r" * 32
FRESH = ReceivingChain(b"k" * 32, Chain(b"c" * 32), {})
RANDOM = seeded_bytes("ratchet")


def _pair() -> tuple[Ratchet, Ratchet]:
    """The two sides of a new session: who began, and who was written to."""
    signed_prekey = curve.generate(RANDOM)
    return Ratchet.initiate(ROOT, signed_prekey.public, RANDOM), Ratchet.respond(ROOT, signed_prekey)


def _write(ratchet: Ratchet, count: int) -> tuple[Ratchet, list[Outgoing]]:
    written = []
    for _ in range(count):
        ratchet, outgoing = ratchet.next_outgoing(RANDOM)
        written.append(outgoing)
    return ratchet, written


def _read(ratchet: Ratchet, written: list[Outgoing]) -> Ratchet:
    for outgoing in written:
        ratchet, seed = ratchet.take(outgoing.ratchet_key, outgoing.counter)
        assert seed == outgoing.seed
    return ratchet


@given(st.permutations(range(12)))
def test_order_of_arrival_does_not_matter(order: list[int]) -> None:
    """Each message of a chain gets the same seed in whatever order they arrive, and none is kept after."""
    first, second = _pair()
    _, written = _write(first, 12)
    read = _read(second, [written[index] for index in order])
    assert [(chain.chain.counter, chain.skipped) for chain in read.receiving] == [(12, {})]


def test_each_answer_turns_the_ratchet() -> None:
    """A side's ratchet key changes once the peer has written, and not before; the chain's last counter is told."""
    first, second = _pair()
    first, opening = _write(first, 3)
    second, answers = _write(_read(second, opening), 2)
    _, closing = _write(_read(first, answers), 1)
    keys = [outgoing.ratchet_key for outgoing in (*opening, *closing)]
    assert keys == [keys[0]] * 3 + [closing[0].ratchet_key]
    assert keys[0] != keys[3]
    assert [outgoing.previous_counter for outgoing in (*opening, *answers, *closing)] == [0, 0, 0, 0, 0, 2]


def test_reading_twice_is_told() -> None:
    """A counter that was taken is a duplicate, at the end of a chain as among its skipped messages."""
    first, second = _pair()
    _, written = _write(first, 3)
    second = _read(second, [written[2], written[0]])
    for outgoing in (written[2], written[0]):
        with pytest.raises(DuplicateMessage):
            second.take(outgoing.ratchet_key, outgoing.counter)


def test_a_late_message_of_an_earlier_chain_is_found() -> None:
    """A message of any of the five newest chains is read, one of the chain before them is not."""
    first, second = _pair()
    late = []
    for _ in range(RECEIVING_CHAINS_MAX + 1):
        first, written = _write(first, 2)
        late.append(written[1])
        second, answer = _write(_read(second, written[:1]), 1)
        first = _read(first, answer)
    with pytest.raises(UndecryptableMessage):
        _read_genuine(second, late[0])
    assert len(_read(second, late[1:]).receiving) == RECEIVING_CHAINS_MAX


def _read_genuine(ratchet: Ratchet, outgoing: Outgoing) -> None:
    """What a session does: a seed that is not the sender's shows in the MAC."""
    _, seed = ratchet.take(outgoing.ratchet_key, outgoing.counter)
    if seed != outgoing.seed:
        raise UndecryptableMessage("the MAC does not fit")


def test_jump_is_bounded() -> None:
    """A message may lie 2000 messages ahead, not more."""
    chain, _ = FRESH.take(SKIPPED_MAX)
    assert (chain.chain.counter, len(chain.skipped)) == (SKIPPED_MAX + 1, SKIPPED_MAX)
    with pytest.raises(UndecryptableMessage, match="ahead"):
        FRESH.take(SKIPPED_MAX + 1)


def test_oldest_skipped_messages_give_way() -> None:
    """Of more than 2000 skipped messages the newest 2000 can still be read."""
    chain, _ = FRESH.take(SKIPPED_MAX)
    chain, _ = chain.take(SKIPPED_MAX + 3)
    assert list(chain.skipped) == [*range(2, SKIPPED_MAX), SKIPPED_MAX + 1, SKIPPED_MAX + 2]


def test_ratchet_key_of_low_order_is_refused() -> None:
    """A ratchet key that would give everybody the same secret is undecryptable."""
    with pytest.raises(UndecryptableMessage, match="ratchet key"):
        _pair()[1].take(bytes(32), 0)
