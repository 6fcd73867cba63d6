"""A session as bytes, for whoever stores it.

Owns the layout, in protobuf's encoding (keys raw, 32 bytes):

    session           1 base key, 2 root key, 3 own ratchet key: private, 4 the same: public, 5 chain key of the sending
                      chain (absent: none), 6 its counter, 7 previous counter, 8 receiving chains, newest first,
                      9 signed prekey id (present while unanswered), 10 prekey id
    receiving chain   1 ratchet key, 2 chain key, 3 counter, 4 skipped messages, oldest first
    skipped message   1 counter, 2 seed

Refuses other layouts (ValueError). Invariant: `decode(encode(session)) == session`; about 200 bytes and 75 for each
receiving chain.
"""

from wamesh.emulator.signal import fields
from wamesh.emulator.signal.curve import KEY_LENGTH, KeyPair
from wamesh.emulator.signal.fields import Fields, Value
from wamesh.emulator.signal.ratchet import Chain, Ratchet, ReceivingChain
from wamesh.emulator.signal.session import Session, Unanswered


def encode(session: Session) -> bytes:
    """Returns the record of a session."""
    ratchet, sending, unanswered = session.ratchet, session.ratchet.sending, session.unanswered
    record: list[tuple[int, Value | None]] = [
        (1, session.base_key),
        (2, ratchet.root),
        (3, ratchet.own.private),
        (4, ratchet.own.public),
        (5, sending.key if sending else None),
        (6, sending.counter if sending else None),
        (7, ratchet.previous_counter),
        *((8, _encode_chain(chain)) for chain in ratchet.receiving),
        (9, unanswered.signed_prekey_id if unanswered else None),
        (10, unanswered.prekey_id if unanswered else None),
    ]
    return fields.encode(record)


def decode(record: bytes) -> Session:
    """Restores the session of a record."""
    found = Fields.decode(record)
    ratchet = Ratchet(
        root=found.data(2, KEY_LENGTH),
        own=KeyPair(found.data(3, KEY_LENGTH), found.data(4, KEY_LENGTH)),
        sending=Chain(found.data(5, KEY_LENGTH), found.number(6)) if found.has(5) else None,
        previous_counter=found.number(7),
        receiving=tuple(_decode_chain(chain) for chain in found.messages(8)),
    )
    return Session(found.data(1, KEY_LENGTH), ratchet, _decode_unanswered(found))


def _decode_unanswered(found: Fields) -> Unanswered | None:
    if not found.has(9):
        return None
    return Unanswered(prekey_id=found.number(10) if found.has(10) else None, signed_prekey_id=found.number(9))


def _encode_chain(chain: ReceivingChain) -> bytes:
    record: list[tuple[int, Value | None]] = [
        (1, chain.ratchet_key),
        (2, chain.chain.key),
        (3, chain.chain.counter),
        *((4, fields.encode(((1, counter), (2, seed)))) for counter, seed in chain.skipped.items()),
    ]
    return fields.encode(record)


def _decode_chain(found: Fields) -> ReceivingChain:
    return ReceivingChain(
        ratchet_key=found.data(1, KEY_LENGTH),
        chain=Chain(found.data(2, KEY_LENGTH), found.number(3)),
        skipped={skipped.number(1): skipped.data(2, KEY_LENGTH) for skipped in found.messages(4)},
    )
