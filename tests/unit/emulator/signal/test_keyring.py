"""One phone: what it can read, and what it remembers."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.randomness import seeded_bytes

from wamesh.emulator.signal import (
    Ciphertext,
    DuplicateMessage,
    InvalidBundle,
    KeyPair,
    Keyring,
    NoSession,
    UndecryptableMessage,
    message_cipher,
)
from wamesh.emulator.signal.layouts import PreKeySignalMessage
from wamesh.emulator.signal.own_keys import PREKEYS_MAX
from wamesh.emulator.signal.peer import ARCHIVED_MAX


def _phone(name: str) -> Keyring:
    return Keyring.create(seeded_bytes(name))


def _met(*, one_time: bool = True) -> tuple[Keyring, Keyring]:
    """Anna has written to Ben and Ben to Anna."""
    anna, ben = _phone("anna"), _phone("ben")
    anna.start_session("ben", ben.bundle(one_time=one_time))
    ben.decrypt("anna", *anna.encrypt("ben", b"hello"))
    anna.decrypt("ben", *ben.encrypt("anna", b"hello"))
    return anna, ben


def _state(keyring: Keyring, peer: str) -> tuple[bytes, bytes | None]:
    return keyring.keys_record(), keyring.session_record(peer) if keyring.has_session(peer) else None


@pytest.mark.parametrize("one_time", [True, False])
def test_messages_are_prekey_messages_until_the_peer_has_written(one_time: bool) -> None:
    """Whoever begins repeats the introduction until an answer was read; whoever was written to never gives one."""
    anna, ben = _phone("anna"), _phone("ben")
    anna.start_session("ben", ben.bundle(one_time=one_time))
    opening = [anna.encrypt("ben", text) for text in (b"one", b"two")]
    assert [ben.decrypt("anna", *message) for message in opening] == [b"one", b"two"]
    answer = ben.encrypt("anna", b"three")
    assert anna.decrypt("ben", *answer) == b"three"
    assert [message.kind for message in (*opening, answer, anna.encrypt("ben", b""))] == [
        "pkmsg",
        "pkmsg",
        "msg",
        "msg",
    ]


def test_introduction_names_the_keys_used() -> None:
    """A prekey message carries the sender's identity and registration id, and the ids of the recipient's keys."""
    anna, ben = _phone("anna"), _phone("ben")
    bundle = ben.bundle(one_time=True)
    anna.start_session("ben", bundle)
    message = PreKeySignalMessage.decode(anna.encrypt("ben", b"").data)
    assert (message.identity, message.registration_id) == (anna.identity.public, anna.registration_id)
    assert (message.prekey_id, message.signed_prekey_id) == (bundle.prekey_id, bundle.signed_prekey_id)


def test_identity_can_be_given() -> None:
    """A phone can be made for an identity that exists."""
    identity = KeyPair.from_private(b"i" * 32)
    keyring = Keyring.create(seeded_bytes("owner"), identity)
    assert (keyring.identity, keyring.bundle(one_time=False).identity) == (identity, identity.public)


def test_bundles_differ_in_their_one_time_prekey_only() -> None:
    """Each one-time prekey is in one bundle; all else stays."""
    keyring = _phone("anna")
    bundles = [keyring.bundle(one_time=True) for _ in range(3)]
    assert [bundle.prekey_id for bundle in bundles] == [1, 2, 3]
    assert {replace(bundle, prekey_id=None, prekey=None) for bundle in bundles} == {keyring.bundle(one_time=False)}
    assert len({bundle.prekey for bundle in bundles}) == 3


def test_one_time_prekey_begins_one_session() -> None:
    """A second session with the same one-time prekey is refused: the key is gone with the first message."""
    anna, ben, carol = _phone("anna"), _phone("ben"), _phone("carol")
    bundle = ben.bundle(one_time=True)
    anna.start_session("ben", bundle)
    carol.start_session("ben", bundle)
    ben.decrypt("anna", *anna.encrypt("ben", b"first"))
    with pytest.raises(UndecryptableMessage, match="prekey"):
        ben.decrypt("carol", *carol.encrypt("ben", b"second"))


def test_unused_prekeys_are_bounded() -> None:
    """Only so many one-time prekeys wait; the oldest gives way."""
    anna, ben, carol = _phone("anna"), _phone("ben"), _phone("carol")
    bundles = [ben.bundle(one_time=True) for _ in range(PREKEYS_MAX + 1)]
    anna.start_session("ben", bundles[0])
    carol.start_session("ben", bundles[1])
    assert ben.decrypt("carol", *carol.encrypt("ben", b"second")) == b"second"
    with pytest.raises(UndecryptableMessage, match="prekey"):
        ben.decrypt("anna", *anna.encrypt("ben", b"first"))


def test_bundle_must_be_signed() -> None:
    """A bundle with another identity's signature, or with an unusable key, begins nothing."""
    anna, good = _phone("anna"), _phone("ben").bundle(one_time=True)
    for wrong in (
        replace(good, identity=_phone("carol").identity.public),
        replace(good, signature=bytes(64)),
        replace(good, identity=b"short"),
        replace(good, prekey=bytes(32)),
        replace(good, prekey=b"short"),
    ):
        with pytest.raises(InvalidBundle):
            anna.start_session("ben", wrong)
    assert not anna.has_session("ben")


def test_nothing_works_without_a_session() -> None:
    """A stranger can be neither written to nor read, and has no record."""
    anna, ben = _met()
    for call in (lambda: anna.encrypt("carol", b""), lambda: anna.session_record("carol")):
        with pytest.raises(NoSession, match="carol"):
            call()
    with pytest.raises(UndecryptableMessage, match="no session"):
        anna.decrypt("carol", *ben.encrypt("anna", b""))


def test_forgotten_peer_is_a_stranger() -> None:
    """After `forget` there is no session; forgetting a stranger does nothing."""
    anna, _ = _met()
    anna.forget("ben")
    anna.forget("ben")
    assert not anna.has_session("ben")


def test_duplicate_is_told_from_garbage() -> None:
    """A message read before is a duplicate, as msg and as pkmsg, and changes nothing."""
    anna, ben = _phone("anna"), _phone("ben")
    anna.start_session("ben", ben.bundle(one_time=True))
    first = anna.encrypt("ben", b"first")
    ben.decrypt("anna", *first)
    answer = ben.encrypt("anna", b"answer")
    anna.decrypt("ben", *answer)
    before = _state(anna, "ben"), _state(ben, "anna")
    for keyring, peer, message in ((ben, "anna", first), (anna, "ben", answer)):
        with pytest.raises(DuplicateMessage):
            keyring.decrypt(peer, *message)
    assert (_state(anna, "ben"), _state(ben, "anna")) == before


def test_duplicate_is_known_in_an_archived_session() -> None:
    """A message read in a session that is archived now is a duplicate as well."""
    anna, ben = _met()
    message = anna.encrypt("ben", b"old")
    ben.decrypt("anna", *message)
    anna.start_session("ben", ben.bundle(one_time=True))
    ben.decrypt("anna", *anna.encrypt("ben", b"new"))
    with pytest.raises(DuplicateMessage):
        ben.decrypt("anna", *message)


def _msg() -> tuple[Keyring, Ciphertext]:
    anna, ben = _met()
    return ben, anna.encrypt("ben", b"msg")


def _first_pkmsg() -> tuple[Keyring, Ciphertext]:
    anna, ben = _phone("anna"), _phone("ben")
    anna.start_session("ben", ben.bundle(one_time=True))
    return ben, anna.encrypt("ben", b"pkmsg")


def _new_pkmsg() -> tuple[Keyring, Ciphertext]:
    anna, ben = _met()
    anna.start_session("ben", ben.bundle(one_time=True))
    return ben, anna.encrypt("ben", b"pkmsg")


@pytest.mark.parametrize("case", [_msg, _first_pkmsg, _new_pkmsg])
@given(data=st.data())
def test_damaged_message_changes_nothing(case: Callable[[], tuple[Keyring, Ciphertext]], data: st.DataObject) -> None:
    """A message with any one byte changed, or cut, is undecryptable; the real one is readable after it.

    Only what a prekey message says about its sender's registration is not protected.
    """
    ben, (kind, genuine) = case()
    index = data.draw(st.integers(1, len(genuine) - 1))
    changed = genuine[:index] + bytes([genuine[index] ^ data.draw(st.integers(1, 255))]) + genuine[index + 1 :]
    damaged = data.draw(st.sampled_from([changed, genuine[:index]]))
    before = _state(ben, "anna")
    try:
        assert ben.decrypt("anna", kind, damaged) == kind.encode()
    except UndecryptableMessage:
        assert _state(ben, "anna") == before
        assert ben.decrypt("anna", kind, genuine) == kind.encode()
    else:
        parts = [PreKeySignalMessage.decode(message) for message in (genuine, damaged)]
        assert len({replace(part, registration_id=0) for part in parts}) == 1


@given(st.sampled_from(["msg", "pkmsg", "skmsg", ""]), st.binary() | st.binary().map(lambda data: b"\x33" + data))
def test_garbage_is_undecryptable(kind: str, data: bytes) -> None:
    """Arbitrary bytes of whatever kind are undecryptable."""
    with pytest.raises(UndecryptableMessage):
        _met()[0].decrypt("ben", kind, data)


@pytest.mark.parametrize("content", [b"", b"no whole block", bytes(16)])
def test_content_that_is_not_whole_is_undecryptable(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A genuine message whose content is no whole blocks, or wrongly padded ones, is undecryptable."""
    anna, ben = _met()
    with monkeypatch.context() as patch:
        patch.setattr(message_cipher, "encrypt", lambda keys, plaintext: content)
        message = anna.encrypt("ben", b"")
    before = _state(ben, "anna")
    with pytest.raises(UndecryptableMessage):
        ben.decrypt("anna", *message)
    assert _state(ben, "anna") == before


def test_message_for_another_signed_prekey_is_undecryptable() -> None:
    """A prekey message that names a signed prekey the phone never had is undecryptable."""
    ben, (kind, data) = _first_pkmsg()
    message = replace(PreKeySignalMessage.decode(data), signed_prekey_id=77)
    with pytest.raises(UndecryptableMessage, match="prekey 77"):
        ben.decrypt("anna", kind, message.encode())


def test_sender_key_of_low_order_is_undecryptable() -> None:
    """A prekey message whose base key would give everybody the same secret is undecryptable."""
    ben, (kind, data) = _first_pkmsg()
    message = replace(PreKeySignalMessage.decode(data), base_key=bytes(32))
    with pytest.raises(UndecryptableMessage, match="unusable key"):
        ben.decrypt("anna", kind, message.encode())


def test_new_session_replaces_the_current_one_and_old_messages_are_read() -> None:
    """The peer begins anew: what is written then is in the new session, and a late message of the old one is read."""
    anna, ben = _met()
    late = anna.encrypt("ben", b"late")
    anna.start_session("ben", ben.bundle(one_time=True))
    assert ben.decrypt("anna", *anna.encrypt("ben", b"new")) == b"new"
    assert anna.decrypt("ben", *ben.encrypt("anna", b"answer")) == b"answer"
    assert ben.decrypt("anna", *late) == b"late"
    assert anna.decrypt("ben", *ben.encrypt("anna", b"on")) == b"on"


def test_two_that_begin_at_once_understand_each_other() -> None:
    """Both write first: both read, in two sessions, and go on."""
    anna, ben = _phone("anna"), _phone("ben")
    anna.start_session("ben", ben.bundle(one_time=True))
    ben.start_session("anna", anna.bundle(one_time=True))
    from_anna, from_ben = anna.encrypt("ben", b"from anna"), ben.encrypt("anna", b"from ben")
    assert (ben.decrypt("anna", *from_anna), anna.decrypt("ben", *from_ben)) == (b"from anna", b"from ben")
    for turn in range(4):
        assert ben.decrypt("anna", *anna.encrypt("ben", bytes([turn]))) == bytes([turn])
        assert anna.decrypt("ben", *ben.encrypt("anna", bytes([turn]))) == bytes([turn])


def test_archived_sessions_are_bounded() -> None:
    """The newest 40 archived sessions still read; the one before them does not."""
    anna, ben = _met()
    waiting = []
    for _ in range(ARCHIVED_MAX + 2):
        anna.start_session("ben", ben.bundle(one_time=True))
        opening, later = anna.encrypt("ben", b"opening"), anna.encrypt("ben", b"later")
        ben.decrypt("anna", *opening)
        waiting.append(later)
    with pytest.raises(UndecryptableMessage):
        ben.decrypt("anna", *waiting[0])
    assert ben.decrypt("anna", *waiting[1]) == b"later"


def test_reinstalled_peer_is_met_afresh() -> None:
    """A peer with a new identity is accepted; its old sessions are gone, so nothing is written into them."""
    anna, ben = _met()
    late = anna.encrypt("ben", b"from the old phone")
    new_anna = _phone("new anna")
    new_anna.start_session("ben", ben.bundle(one_time=True))
    assert ben.decrypt("anna", *new_anna.encrypt("ben", b"new phone")) == b"new phone"
    with pytest.raises(UndecryptableMessage):
        ben.decrypt("anna", *late)
    assert new_anna.decrypt("ben", *ben.encrypt("anna", b"welcome")) == b"welcome"


def test_bundle_of_a_reinstalled_peer_replaces_its_sessions() -> None:
    """The same when this phone learns of the new identity by a bundle."""
    anna, ben = _met()
    new_anna = _phone("new anna")
    ben.start_session("anna", new_anna.bundle(one_time=True))
    assert new_anna.decrypt("ben", *ben.encrypt("anna", b"hello")) == b"hello"
    with pytest.raises(UndecryptableMessage):
        ben.decrypt("anna", *anna.encrypt("ben", b"old phone"))


def test_warm_session_is_small() -> None:
    """After a long talk the record of a session stays below a kilobyte."""
    anna, ben = _met()
    for _ in range(30):
        ben.decrypt("anna", *anna.encrypt("ben", b"to"))
        anna.decrypt("ben", *ben.encrypt("anna", b"fro"))
    assert max(len(anna.session_record("ben")), len(ben.session_record("anna"))) < 1024


def test_records_are_the_whole_phone() -> None:
    """A phone made from its records has the same records, whatever it had been through."""
    anna, ben = _met()
    ben.bundle(one_time=True)
    for text in (b"skipped", b"read"):
        message = anna.encrypt("ben", text)
    ben.decrypt("anna", *message)
    ben.start_session("anna", anna.bundle(one_time=True))
    ben.start_session("carol", _phone("carol").bundle(one_time=False))
    records = {peer: ben.session_record(peer) for peer in ("anna", "carol")}
    copy = Keyring.load(seeded_bytes("copy"), ben.keys_record(), records)
    assert (copy.keys_record(), copy.identity, copy.registration_id) == (
        ben.keys_record(),
        ben.identity,
        ben.registration_id,
    )
    assert {peer: copy.session_record(peer) for peer in records} == records


@given(st.binary(), st.data())
def test_damaged_record_is_told(garbage: bytes, data: st.DataObject) -> None:
    """What is no record, and a record cut short, raises ValueError and nothing else."""
    anna, _ = _met()
    keys, session = anna.keys_record(), anna.session_record("ben")
    cut = data.draw(st.integers(0, len(session) - 1))
    for wrong_keys, wrong_session in ((garbage, session), (keys, garbage), (keys, session[:cut])):
        with pytest.raises(ValueError):
            Keyring.load(seeded_bytes("copy"), wrong_keys, {"ben": wrong_session})
