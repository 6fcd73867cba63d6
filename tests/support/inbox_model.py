"""What the inbox promises, as a model that is asked beside the store: every message of a subscription is owed, dead, or
done with, and what is owed is delivered in order of sequence, one batch of a customer at a time.

    world = InboxWorld(SqlInboxStore(database))     # company 7 is held with epoch 1
    await world.write(ANNA); await world.claim("worker"); await world.settle()

A step raises AssertionError when the store did something else.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from support.gateway_messages import NOON, inbound, seconds, terms

from wamesh.gateway.messages import Claim, Terms
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.whatsapp.jid import Jid

MAX_ATTEMPTS = 2
MAX_MESSAGES = 2
DEADLINE_SECONDS = 60


@dataclass
class Progress:
    """One subscription: sequences that are owed or dead, dead ones that are owed again, and the open claims."""

    owed: set[int] = field(default_factory=set)
    dead: set[int] = field(default_factory=set)
    replaying: set[int] = field(default_factory=set)
    open: dict[str, Claim] = field(default_factory=dict)
    deliveries: Counter[int] = field(default_factory=Counter)


class InboxWorld:
    """The store and its model."""

    def __init__(self, store: SqlInboxStore) -> None:
        self.store = store
        self.now: datetime = NOON
        self.customer_of: dict[int, str] = {}
        self.name_of: dict[str, str] = {}
        self.progress: dict[str, Progress] = {}
        self.claims: list[Claim] = []
        self.written = 0

    async def open(self, subscription: str) -> None:
        """Opens a subscription; a new one owes everything."""
        await self.store.open(self._terms(subscription), self.now)
        if subscription not in self.progress:
            self.progress[subscription] = Progress(owed=set(self.customer_of))

    async def delete(self, subscription: str) -> None:
        """Deletes a subscription that is open."""
        await self.store.delete(subscription)
        del self.progress[subscription]

    async def write(self, chat: Jid, pair: Jid | None = None) -> None:
        """A customer writes, perhaps telling the other address."""
        self.written += 1
        self._join(chat, pair)
        message = inbound(f"m-{self.written}", chat, sender_alternate=pair)
        due = await self.store.append(7, 1, message, self.now)
        assert set(due) == set(self.progress)
        name = self.name_of[str(chat)]
        (stored,) = await self.store.read(7, name, 1)
        assert stored.message.message_id == message.message_id
        self.customer_of[stored.sequence] = name
        for each in self.progress.values():
            each.owed.add(stored.sequence)

    async def claim(self, subscription: str, limit: int = 3) -> list[Claim]:
        """Claims, and checks that each batch is the beginning of what its customer is owed."""
        progress = self.progress[subscription]
        claims = await self.store.claim(self._terms(subscription), limit, "gateway-a", self.now)
        await self._note_buried(subscription)
        for claim in claims:
            sequences = [each.sequence for each in claim.messages]
            (customer,) = {self.customer_of[each] for each in sequences}
            owed = sorted(each for each in progress.owed if self.customer_of[each] == customer)
            assert sequences == owed[: len(sequences)]
            assert len(sequences) <= MAX_MESSAGES
            assert 1 <= claim.attempt <= MAX_ATTEMPTS
            previous = progress.open.get(customer)
            assert previous is None or previous.deadline <= self.now
            progress.open[customer] = claim
            progress.deliveries.update(sequences)
        self.claims += claims
        return claims

    async def ack(self, claim: Claim) -> None:
        """Acks a claim, open or not."""
        await self.store.ack(claim)
        if self._end(claim):
            progress, done = self.progress[claim.subscription], {each.sequence for each in claim.messages}
            progress.owed -= done
            progress.dead -= done
            progress.replaying -= done

    async def nack(self, claim: Claim, delay_seconds: float, *, counted: bool) -> None:
        """Gives a claim back, open or not."""
        await self.store.give_back([claim], self.now + seconds(delay_seconds), counted=counted)
        self._end(claim)

    async def release(self) -> None:
        """The gateway restarts after a crash."""
        await self.store.release("gateway-a", self.now)
        for progress in self.progress.values():
            progress.open.clear()

    async def replay(self, subscription: str) -> None:
        """Replays every dead letter."""
        progress = self.progress[subscription]
        waiting = progress.dead - progress.replaying
        assert await self.store.replay(subscription, self.now) == len(waiting)
        progress.replaying |= waiting
        progress.owed |= waiting

    def wait(self, span_seconds: float) -> None:
        """Time passes."""
        self.now += seconds(span_seconds)

    async def check(self) -> None:
        """The store tells of its subscriptions what the model knows."""
        told = {each.subscription: each for each in await self.store.subscriptions()}
        assert set(told) == set(self.progress)
        for subscription, progress in self.progress.items():
            letters = await self.store.dead_letters(subscription, 10_000)
            assert {each.sequence: each.replaying for each in letters} == {
                each: each in progress.replaying for each in progress.dead
            }
            owing = {self.customer_of[each] for each in progress.owed}
            assert (told[subscription].pending_conversations, told[subscription].dead_letters) == (
                len(owing),
                len(progress.dead),
            )

    async def settle(self) -> None:
        """A client that acks everything gets everything that is owed."""
        for subscription, progress in self.progress.items():
            for _ in range(4 * len(self.customer_of) + 4):
                self.wait(10_000)
                for claim in await self.claim(subscription):
                    await self.ack(claim)
            assert progress.owed == set()
        await self.check()

    def _terms(self, subscription: str) -> Terms:
        return terms(
            subscription,
            max_messages=MAX_MESSAGES,
            max_attempts=MAX_ATTEMPTS,
            ack_deadline=seconds(DEADLINE_SECONDS),
            quiet_period=seconds(2),
            max_wait=seconds(5),
        )

    def _join(self, chat: Jid, pair: Jid | None) -> None:
        """Learns addresses as the store does: the first known one names the customer."""
        forms = [str(chat)] + ([] if pair is None else [str(pair)])
        name = next((self.name_of[each] for each in forms if each in self.name_of), forms[0])
        for other in {self.name_of[each] for each in forms if each in self.name_of} - {name}:
            if any({name, other} <= set(each.open) for each in self.progress.values()):
                continue  # while both are being delivered they stay two
            self._rename(other, name)
        for each in forms:
            self.name_of.setdefault(each, name)

    def _rename(self, old: str, new: str) -> None:
        self.name_of = {form: new if name == old else name for form, name in self.name_of.items()}
        self.customer_of = {each: new if name == old else name for each, name in self.customer_of.items()}
        for progress in self.progress.values():
            progress.open = {new if name == old else name: claim for name, claim in progress.open.items()}

    def _end(self, claim: Claim) -> bool:
        """Ends the claim; False when it was not open any more."""
        opened = self.progress[claim.subscription].open if claim.subscription in self.progress else {}
        for customer, each in list(opened.items()):
            if each.delivery_id == claim.delivery_id:
                del opened[customer]
                return True
        return False

    async def _note_buried(self, subscription: str) -> None:
        progress = self.progress[subscription]
        letters = {each.sequence: each for each in await self.store.dead_letters(subscription, 10_000)}
        buried = {each for each, letter in letters.items() if not letter.replaying} & progress.owed
        for each in buried:
            assert progress.deliveries[each] >= 1, "nothing is buried that was never delivered"
            assert letters[each].attempts == MAX_ATTEMPTS
        progress.owed -= buried
        progress.dead |= buried
        progress.replaying -= buried
        for customer in {self.customer_of[each] for each in buried}:
            progress.open.pop(customer, None)
        for each in buried:
            del progress.deliveries[each]
