"""Two phones and a post that loses, repeats, overtakes and damages."""

from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.randomness import seeded_bytes

from wamesh.emulator.signal import Ciphertext, DuplicateMessage, Keyring, UndecryptableMessage
from wamesh.emulator.signal.peer import ARCHIVED_MAX
from wamesh.emulator.signal.ratchet import RECEIVING_CHAINS_MAX

SIDES = st.sampled_from(["anna", "ben"])
OTHER = {"anna": "ben", "ben": "anna"}
OVERTAKEN_MAX = RECEIVING_CHAINS_MAX // 2
REPEATED_MAX = RECEIVING_CHAINS_MAX - OVERTAKEN_MAX  # further back the chain may be gone, and a duplicate unknown


class Letter(NamedTuple):
    """A message on its way, and how many have overtaken it."""

    plaintext: bytes
    ciphertext: Ciphertext
    overtaken: int


class TwoPhones(RuleBasedStateMachine):
    """Whatever happens on the way, what arrives is what was written."""

    @initialize(one_time=st.booleans())
    def meet(self, one_time: bool) -> None:
        self.random = {side: seeded_bytes(side) for side in OTHER}
        self.phones = {side: Keyring.create(self.random[side]) for side in OTHER}
        self.to: dict[str, list[Letter]] = {side: [] for side in OTHER}
        self.read_by: dict[str, list[Ciphertext]] = {side: [] for side in OTHER}
        self.written = self.begun = 0
        self.begin("anna", one_time)

    @precondition(lambda self: self.begun < ARCHIVED_MAX)
    @rule(side=SIDES, one_time=st.booleans())
    def begin(self, side: str, one_time: bool) -> None:
        """A phone begins a session, whether or not there is one."""
        self.begun += 1
        self.phones[side].start_session(OTHER[side], self.phones[OTHER[side]].bundle(one_time=one_time))

    @rule(side=SIDES)
    def write(self, side: str) -> None:
        """A phone writes to the other, if it can."""
        if self.phones[side].has_session(OTHER[side]):
            self.written += 1
            plaintext = f"{self.written} by {side}".encode()
            ciphertext = self.phones[side].encrypt(OTHER[side], plaintext)
            self.to[OTHER[side]].append(Letter(plaintext, ciphertext, 0))

    @rule(side=SIDES, choice=st.integers(0, 5))
    def read(self, side: str, choice: int) -> None:
        """One of the messages for a phone arrives, overtaking others as long as the chains of those are kept."""
        letters = self.to[side]
        late = next((n for n, letter in enumerate(letters) if letter.overtaken == OVERTAKEN_MAX), None)
        if letters:
            index = choice % len(letters) if late is None else late
            letter = letters[index]
            self.to[side] = [one._replace(overtaken=one.overtaken + 1) for one in letters[:index]] + letters[
                index + 1 :
            ]
            assert self.phones[side].decrypt(OTHER[side], *letter.ciphertext) == letter.plaintext
            self.read_by[side].append(letter.ciphertext)

    @rule(side=SIDES, choice=st.integers(0, 5))
    def lose(self, side: str, choice: int) -> None:
        """A message is lost."""
        if self.to[side]:
            self.to[side].pop(choice % len(self.to[side]))

    @rule(side=SIDES, back=st.integers(1, REPEATED_MAX))
    def repeat(self, side: str, back: int) -> None:
        """One of the last messages a phone has read comes once more: a duplicate, and nothing changes."""
        if back <= len(self.read_by[side]):
            self._refuses(side, self.read_by[side][-back], DuplicateMessage)

    @rule(side=SIDES, bit=st.integers(0, 63))
    def damage(self, side: str, bit: int) -> None:
        """The next message comes with one bit of its MAC changed first: undecryptable, and nothing changes."""
        if self.to[side]:
            kind, data = self.to[side][0].ciphertext
            if kind == "msg":
                mac = int.from_bytes(data[-8:]) ^ 1 << bit
                self._refuses(side, Ciphertext(kind, data[:-8] + mac.to_bytes(8)), UndecryptableMessage)

    @rule(side=SIDES)
    def restart(self, side: str) -> None:
        """A phone comes back from its records."""
        phone, peer = self.phones[side], OTHER[side]
        sessions = {peer: phone.session_record(peer)} if phone.has_session(peer) else {}
        self.phones[side] = Keyring.load(self.random[side], phone.keys_record(), sessions)

    @invariant()
    def records_are_stable(self) -> None:
        """Reading a record back and writing it again changes nothing."""
        for side, phone in self.phones.items():
            if phone.has_session(OTHER[side]):
                sessions = {OTHER[side]: phone.session_record(OTHER[side])}
                copy = Keyring.load(self.random[side], phone.keys_record(), sessions)
                assert {OTHER[side]: copy.session_record(OTHER[side])} == sessions

    def _refuses(self, side: str, message: Ciphertext, error: type[UndecryptableMessage]) -> None:
        phone, peer = self.phones[side], OTHER[side]
        before = phone.keys_record(), phone.has_session(peer) and phone.session_record(peer)
        try:
            phone.decrypt(peer, *message)
        except error:
            after = phone.keys_record(), phone.has_session(peer) and phone.session_record(peer)
            assert after == before
        else:
            raise AssertionError("it was read")


TestTwoPhones = TwoPhones.TestCase
TestTwoPhones.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
