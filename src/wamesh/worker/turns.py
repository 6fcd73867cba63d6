"""One delivery of a conversation, from messages to replies, so that a crash at any point is repaired by its
redelivery.

    load -> owed replies -> a turn left open -> the new messages -> owed replies

A turn: step, perform, step ... until only replies are left, then COMMIT (state, handled messages and replies together),
then send. Before its first action that changes the calendar the turn is committed as far as it is decided. Whoever
takes it up performs that very action under the same request id, even when the next delivery has other messages, the
catalogue has changed or the release is newer.

| crash | repaired by |
|---|---|
| before the calendar changed | the turn is run again |
| after it changed, before COMMIT | the open turn: same action, same request id, so booking gives the first outcome |
| after COMMIT, before Send returned | the owed reply: same request id, so the gateway gives the first outcome |
| after Send, before the outcome was noted, or before the ack | the same; handled messages are not new |

A worker that lost its delivery without knowing meets the same guards: a turn is opened once and closed once, by whom
the store lets, and nothing is sent that was not committed before.

Owns this order. Refuses to know streams. Invariant: each message is answered in one turn, each turn once.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from wamesh.clock import Clock
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.worker.booking_client import BookingClient, Customer
from wamesh.worker.catalogue import Catalogue
from wamesh.worker.events import Event
from wamesh.worker.gateway_client import GatewayClient, other_chats, read_message
from wamesh.worker.hold import Hold
from wamesh.worker.progress import Input, Progress, advance, begun
from wamesh.worker.stores import ClosedTurn, ConversationStore, Key, Memory, OwedReply

MAX_ACTIONS: Final = 8
"""Actions of one turn; the dialogue needs six at most, to cancel as many visits."""
MAX_CHARACTERS: Final = 4096

Probe = Callable[[str], None]
"""Called with the name of each step that was just finished; tests crash in it."""


class EndlessTurn(Exception):
    """The dialogue asked for more than MAX_ACTIONS; a bug."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Answers deliveries."""

    store: ConversationStore
    booking: BookingClient
    gateway: GatewayClient
    clock: Clock
    probe: Probe = lambda _: None

    async def answer(self, delivery: pb.Delivery, hold: Hold) -> None:
        """Answers the delivery's new messages.

        Raises TryLater, CompanyUnknown, TurnTaken, DeliveryLost, OpenTurnUnreadable, DatabaseUnavailable; the delivery
        may then come again.
        """
        await _Answer(self, Key(delivery.company_id, delivery.chat), hold).run(delivery)


@dataclass(frozen=True, slots=True)
class _Answer:
    """One delivery's way."""

    turns: Turns
    key: Key
    hold: Hold

    async def run(self, delivery: pb.Delivery) -> None:
        ids = [each.message_id for each in delivery.messages]
        memory = await self.turns.store.load(self.key, ids, other_chats(delivery))
        await self._send(memory.owed)
        handled = memory.handled
        if memory.open_turn is not None:
            handled = handled.union(memory.open_turn.input.message_ids)
            memory = await self._finish(memory, memory.open_turn, await self._catalogue())
        fresh = [each for each in delivery.messages if each.message_id not in handled]
        if fresh:
            catalogue = await self._catalogue()
            turn_input = _input(delivery, fresh, self.turns.clock())
            await self._finish(memory, begun(memory.state, turn_input, catalogue), catalogue)

    async def _catalogue(self) -> Catalogue:
        self.hold.require()
        return await self.turns.booking.catalogue(self.key.company_id)

    async def _finish(self, memory: Memory, progress: Progress, catalogue: Catalogue) -> Memory:
        """Brings one turn to its end, and sends what it owes."""
        opened = memory.open_turn is not None
        for _ in range(MAX_ACTIONS):
            if progress.action is None:
                return await self._close(memory, progress, opened)
            if progress.changes_calendar and not opened:
                await self.turns.store.open_turn(self.key, memory.turn, progress)
                opened = True
                self.turns.probe("opened")
            progress = advance(progress, await self._perform(progress, catalogue), catalogue)
        raise EndlessTurn(f"A turn of company {self.key.company_id} asked for more than {MAX_ACTIONS} actions.")

    async def _close(self, memory: Memory, progress: Progress, opened: bool) -> Memory:
        replies = _owed(self.key, progress)
        closed = ClosedTurn(memory.turn, opened, progress.input.message_ids, progress.state, replies)
        await self.turns.store.close_turn(self.key, closed, self.turns.clock())
        self.turns.probe("closed")
        await self._send(replies)
        return Memory(progress.state, memory.turn + 1)

    async def _perform(self, progress: Progress, catalogue: Catalogue) -> Event:
        turn_input = progress.input
        customer = Customer(
            self.key.chat,
            turn_input.customer_name,
            turn_input.phone_number,
            turn_input.time,
            request_id(self.key, turn_input, "booking"),
            turn_input.other_chats,
        )
        self.hold.require()
        event = await self.turns.booking.perform(progress.action, catalogue, customer)
        self.turns.probe(f"performed {type(progress.action).__name__}")
        return event

    async def _send(self, replies: Sequence[OwedReply]) -> None:
        for each in replies:
            self.hold.require()
            outcome = await self.turns.gateway.send(self.key, each)
            self.turns.probe("sent")
            await self.turns.store.note_outcome(self.key, each.request_id, outcome, self.turns.clock())
            self.turns.probe("noted")


def _input(delivery: pb.Delivery, messages: Sequence[pb.InboundMessage], now: datetime) -> Input:
    return Input(
        tuple(read_message(each) for each in messages),
        tuple(each.message_id for each in messages),
        messages[-1].sequence,
        now,
        next((each.push_name for each in reversed(messages) if each.push_name), ""),
        next((each.phone_number for each in reversed(messages) if each.phone_number), ""),
        other_chats(delivery),
    )


def _owed(key: Key, progress: Progress) -> tuple[OwedReply, ...]:
    """One turn is one message."""
    text = "\n\n".join(progress.texts)[:MAX_CHARACTERS]
    return (OwedReply(request_id(key, progress.input, "reply"), text),) if text else ()


def request_id(key: Key, turn_input: Input, what: str) -> str:
    """Names what the turn that ends with this message does: the same after any crash, and unique within the company.

    The message id keeps it so when the gateway's sequences begin anew, the sequence when a customer reuses an id.
    """
    last = (turn_input.message_ids[-1], str(turn_input.last_sequence))
    name = "\0".join((str(key.company_id), key.chat, *last, what))
    return f"worker-{what}-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
