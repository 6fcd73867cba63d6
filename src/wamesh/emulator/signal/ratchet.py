"""The double ratchet: which key each message gets, in whatever order messages arrive.

Owns the chains of https://signal.org/docs/specifications/doubleratchet/ (without header encryption), with
libsignal's limits: five receiving chains are kept, and a chain jumps forward at most 2000 messages and keeps at
most 2000 seeds of messages it jumped over. Like libsignal it keeps receiving chains open instead of reading
`previous_counter`, so a late message of an earlier chain is found either way. The peer's new ratchet key takes
effect on the sending side only when this phone next writes: one key agreement per reading, two per answer.

Refuses ciphertexts: it deals in seeds of message keys. Invariant: a Ratchet is a value; each step returns the next
one, and whoever could not use a step's seed keeps the old.
"""

from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from wamesh.emulator.signal import curve, key_derivation
from wamesh.emulator.signal.curve import KeyPair, RandomBytes
from wamesh.emulator.signal.errors import DuplicateMessage, UndecryptableMessage

RECEIVING_CHAINS_MAX: Final = 5
SKIPPED_MAX: Final = 2000


@dataclass(frozen=True, slots=True)
class Chain:
    """A symmetric chain: `counter` is the number of its next message, `key` (32 bytes) gives that one's seed."""

    key: bytes
    counter: int = 0

    def step(self) -> tuple["Chain", bytes]:
        """Returns the chain after its next message, and that message's seed (32 bytes)."""
        return Chain(key_derivation.next_chain_key(self.key), self.counter + 1), key_derivation.message_seed(self.key)


@dataclass(frozen=True, slots=True)
class ReceivingChain:
    """The chain of one ratchet key of the peer, and the seeds of its messages that are still to come, by counter."""

    ratchet_key: bytes
    chain: Chain
    skipped: dict[int, bytes]

    def take(self, counter: int) -> tuple["ReceivingChain", bytes]:
        """Returns the chain without that message, and the message's seed.

        Raises DuplicateMessage when it was taken before, UndecryptableMessage when it lies too far ahead.
        """
        if counter < self.chain.counter:
            return self._take_skipped(counter)
        if counter - self.chain.counter > SKIPPED_MAX:
            raise UndecryptableMessage(f"message {counter} lies over {SKIPPED_MAX} messages ahead")
        reached = self._skip_to(counter) if counter > self.chain.counter else self
        chain, seed = reached.chain.step()
        return ReceivingChain(self.ratchet_key, chain, reached.skipped), seed

    def _skip_to(self, counter: int) -> "ReceivingChain":
        chain, skipped = self.chain, dict(self.skipped)
        while chain.counter < counter:
            number = chain.counter
            chain, skipped[number] = chain.step()
        surplus = max(len(skipped) - SKIPPED_MAX, 0)
        return ReceivingChain(self.ratchet_key, chain, dict(islice(skipped.items(), surplus, None)))

    def _take_skipped(self, counter: int) -> tuple["ReceivingChain", bytes]:
        if counter not in self.skipped:
            raise DuplicateMessage(f"message {counter} was read before")
        rest = dict(self.skipped)
        seed = rest.pop(counter)
        return ReceivingChain(self.ratchet_key, self.chain, rest), seed


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What the next message to the peer carries, and the seed of its keys."""

    ratchet_key: bytes
    counter: int
    previous_counter: int
    seed: bytes


@dataclass(frozen=True, slots=True)
class Ratchet:
    """One side of a session.

    `own` is the newest ratchet key of this side; `sending` its chain, None from the moment the peer turned the
    ratchet until this side writes again. `receiving` is newest first; it is empty until the peer has written.
    """

    root: bytes
    own: KeyPair
    sending: Chain | None = None
    previous_counter: int = 0
    receiving: tuple[ReceivingChain, ...] = ()

    @classmethod
    def initiate(cls, root: bytes, signed_prekey: bytes, random_bytes: RandomBytes) -> "Ratchet":
        """Makes the side that begins: the peer's signed prekey is its first ratchet key.

        Raises ValueError for a key of low order.
        """
        own = curve.generate(random_bytes)
        root, chain_key = key_derivation.ratchet_step(root, curve.agree(own.private, signed_prekey))
        return cls(root, own, Chain(chain_key))

    @classmethod
    def respond(cls, root: bytes, signed_prekey: KeyPair) -> "Ratchet":
        """Makes the side that was written to."""
        return cls(root, signed_prekey)

    def next_outgoing(self, random_bytes: RandomBytes) -> tuple["Ratchet", Outgoing]:
        """Returns the ratchet after one more message of this side, and what that message needs."""
        turned = self if self.sending else self._turn(random_bytes)
        assert turned.sending
        chain, seed = turned.sending.step()
        outgoing = Outgoing(turned.own.public, turned.sending.counter, turned.previous_counter, seed)
        return replace(turned, sending=chain), outgoing

    def take(self, ratchet_key: bytes, counter: int) -> tuple["Ratchet", bytes]:
        """Returns the ratchet after a message of the peer, and that message's seed.

        Nothing here proves that the message is genuine: adopt the new ratchet only when its MAC fits. Raises
        DuplicateMessage and UndecryptableMessage as ReceivingChain.take does, and the latter for an unusable key.
        """
        for index, known in enumerate(self.receiving):
            if known.ratchet_key == ratchet_key:
                chain, seed = known.take(counter)
                return replace(self, receiving=(*self.receiving[:index], chain, *self.receiving[index + 1 :])), seed
        return self._follow(ratchet_key, counter)

    def _turn(self, random_bytes: RandomBytes) -> "Ratchet":
        """This side's answer to the peer's newest ratchet key: an own new one and its sending chain."""
        own = curve.generate(random_bytes)
        shared_secret = curve.agree(own.private, self.receiving[0].ratchet_key)
        root, chain_key = key_derivation.ratchet_step(self.root, shared_secret)
        return replace(self, root=root, own=own, sending=Chain(chain_key))

    def _follow(self, ratchet_key: bytes, counter: int) -> tuple["Ratchet", bytes]:
        """Follows the peer, who turned the ratchet: a new receiving chain, and the sending chain is over."""
        try:
            shared_secret = curve.agree(self.own.private, ratchet_key)
        except ValueError as error:
            raise UndecryptableMessage("an unusable ratchet key") from error
        root, chain_key = key_derivation.ratchet_step(self.root, shared_secret)
        chain, seed = ReceivingChain(ratchet_key, Chain(chain_key), {}).take(counter)
        receiving = (chain, *self.receiving[: RECEIVING_CHAINS_MAX - 1])
        previous_counter = max(self.sending.counter - 1, 0) if self.sending else self.previous_counter
        return Ratchet(root, self.own, None, previous_counter, receiving), seed
