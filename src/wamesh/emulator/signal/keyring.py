"""A virtual phone's Signal side: its own keys and its sessions by peer.

Owns the one mutable object of this room. A peer is any string, WhatsApp's `user:device@server` for example; every
device of a person is a peer of its own. Refuses to doubt an identity: a peer that comes with a new one was
reinstalled, and is met afresh. Invariant: a call that raises leaves the keyring as it was.

Records, for whoever must survive a restart: `session_record(peer)` changes with every call that names the peer,
`keys_record()` with `bundle(one_time=True)` and with `decrypt` of a pkmsg.
"""

from collections.abc import Mapping
from types import MappingProxyType

from wamesh.emulator.signal import curve, x3dh
from wamesh.emulator.signal.curve import KeyPair, RandomBytes
from wamesh.emulator.signal.errors import InvalidBundle, NoSession, UndecryptableMessage
from wamesh.emulator.signal.layouts import PreKeySignalMessage, SealedMessage
from wamesh.emulator.signal.own_keys import OwnKeys
from wamesh.emulator.signal.peer import Peer
from wamesh.emulator.signal.ratchet import Ratchet
from wamesh.emulator.signal.session import Ciphertext, Sender, Session, Unanswered
from wamesh.emulator.signal.x3dh import PreKeyBundle


class Keyring:
    """One phone. `random_bytes(n)` gives every random byte it needs."""

    def __init__(self, random_bytes: RandomBytes, keys: OwnKeys, peers: Mapping[str, Peer]) -> None:
        self._random_bytes = random_bytes
        self._keys = keys
        self._peers = dict(peers)
        self._sender = Sender(keys.identity.public, keys.registration_id)

    @classmethod
    def create(cls, random_bytes: RandomBytes, identity: KeyPair | None = None) -> "Keyring":
        """Makes a new phone; its identity is new too unless one is given (an owner's phone has its account's key)."""
        return cls(random_bytes, OwnKeys.generate(random_bytes, identity), {})

    @classmethod
    def load(
        cls,
        random_bytes: RandomBytes,
        keys_record: bytes,
        session_records: Mapping[str, bytes] = MappingProxyType({}),
    ) -> "Keyring":
        """Restores a phone from its records, the session ones by peer. Raises ValueError when one of them is none."""
        peers = {peer: Peer.decode(record) for peer, record in session_records.items()}
        return cls(random_bytes, OwnKeys.decode(keys_record), peers)

    @property
    def identity(self) -> KeyPair:
        """The identity key pair."""
        return self._keys.identity

    @property
    def registration_id(self) -> int:
        """The registration id, 1 to 16380."""
        return self._keys.registration_id

    def keys_record(self) -> bytes:
        """Returns the record of the phone's own keys."""
        return self._keys.encode()

    def session_record(self, peer: str) -> bytes:
        """Returns the record of all sessions with the peer. Raises NoSession when there is none."""
        return self._peer(peer).encode()

    def bundle(self, *, one_time: bool) -> PreKeyBundle:
        """Returns what somebody needs to write to this phone; `one_time` adds a prekey that no other bundle has."""
        return self._keys.one_time_bundle(self._random_bytes) if one_time else self._keys.bundle()

    def has_session(self, peer: str) -> bool:
        """Whether `encrypt` would work."""
        return peer in self._peers

    def start_session(self, peer: str, bundle: PreKeyBundle) -> None:
        """Begins a session, which becomes the current one. Raises InvalidBundle when a key of the bundle is wrong."""
        bundle.check()
        base = curve.generate(self._random_bytes)
        try:
            root = x3dh.initiate(self.identity, base, bundle)
            ratchet = Ratchet.initiate(root, bundle.signed_prekey, self._random_bytes)
        except ValueError as error:
            raise InvalidBundle(f"an unusable key: {error}") from error
        session = Session(base.public, ratchet, Unanswered(bundle.prekey_id, bundle.signed_prekey_id))
        self._peers[peer] = self._with_session(peer, bundle.identity, session)

    def encrypt(self, peer: str, plaintext: bytes) -> Ciphertext:
        """Encrypts in the current session with the peer. Raises NoSession when there is none."""
        known = self._peer(peer)
        session, ciphertext = known.current.encrypt(self._sender, known.identity, plaintext, self._random_bytes)
        self._peers[peer] = Peer(known.identity, session, known.archived)
        return ciphertext

    def decrypt(self, peer: str, kind: str, data: bytes) -> bytes:
        """Returns the plaintext of a pkmsg or a msg of the peer.

        Raises DuplicateMessage for a message read before, and UndecryptableMessage for all else that is unreadable.
        """
        if kind == "pkmsg":
            return self._decrypt_prekey_message(peer, PreKeySignalMessage.decode(data))
        if kind == "msg":
            return self._decrypt_message(peer, SealedMessage.decode(data))
        raise UndecryptableMessage(f"unknown kind of message: {kind}")

    def forget(self, peer: str) -> None:
        """Drops all sessions with the peer, if there are any."""
        self._peers.pop(peer, None)

    def _decrypt_message(self, peer: str, sealed: SealedMessage) -> bytes:
        if peer not in self._peers:
            raise UndecryptableMessage("no session with this peer")
        self._peers[peer], plaintext = self._peers[peer].decrypt(sealed, self.identity.public)
        return plaintext

    def _decrypt_prekey_message(self, peer: str, message: PreKeySignalMessage) -> bytes:
        sealed = SealedMessage.decode(message.message)
        if peer in self._peers and self._peers[peer].knows(message.base_key):
            return self._decrypt_message(peer, sealed)
        session, plaintext = self._answer(message).decrypt(sealed, message.identity, self.identity.public)
        self._peers[peer] = self._with_session(peer, message.identity, session)
        if message.prekey_id is not None:
            del self._keys.prekeys[message.prekey_id]
        return plaintext

    def _answer(self, message: PreKeySignalMessage) -> Session:
        """Returns the session that a prekey message begins."""
        try:
            signed_prekey, prekey = self._keys.prekeys_of(message.signed_prekey_id, message.prekey_id)
            root = x3dh.respond(self.identity, signed_prekey, prekey, message.identity, message.base_key)
        except KeyError as error:
            raise UndecryptableMessage(f"for prekey {error} that this phone does not have") from error
        except ValueError as error:
            raise UndecryptableMessage("an unusable key") from error
        return Session(message.base_key, Ratchet.respond(root, signed_prekey))

    def _with_session(self, peer: str, identity: bytes, session: Session) -> Peer:
        known = self._peers.get(peer)
        if known is None or known.identity != identity:
            return Peer(identity, session)
        return known.with_session(session)

    def _peer(self, peer: str) -> Peer:
        try:
            return self._peers[peer]
        except KeyError:
            raise NoSession(f"no session with {peer}") from None
