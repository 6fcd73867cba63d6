"""One delivery of a conversation, from messages to replies, so that a crash at any point is repaired by its
redelivery.

    load -> owed replies -> a turn left open -> the new messages -> owed replies

A turn: step, perform, step ... until only replies are left, then COMMIT (state and replies together), then send.
Before its first action that changes the calendar the input of the turn is committed too, so that the turn is
finished with exactly the same messages at the same moment even when the next delivery carries more of them; the
request ids are derived from them.

| crash | repaired by |
|---|---|
| before the calendar changed | the turn is run again |
| after it changed, before COMMIT | the open input: same turn, same request id, so booking gives the first outcome |
| after COMMIT, before Send returned | the owed reply: same request id, so the gateway gives the first outcome |
| after Send, before the outcome was noted, or before the ack | the same; messages up to `last_sequence` are not new |

Owns this order. Refuses to know streams. Invariant: each turn is answered once.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from wamesh.clock import Clock
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.worker.booking_client import BookingClient, Customer
from wamesh.worker.catalogue import Catalogue
from wamesh.worker.conversation import Conversation
from wamesh.worker.dialogue import step
from wamesh.worker.events import MUTATIONS, Action, CustomerSpoke, Event, Reply
from wamesh.worker.gateway_client import GatewayClient, read_message
from wamesh.worker.stores import ConversationStore, Input, Key, Memory, OwedReply

MAX_ACTIONS: Final = 8
"""Actions of one turn; the dialogue needs three at most."""
MAX_CHARACTERS: Final = 4096

Probe = Callable[[str], None]
"""Called with the name of each step that was just finished; tests crash in it."""

_log = structlog.get_logger("worker")


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

    async def answer(self, delivery: pb.Delivery) -> None:
        """Answers the delivery's new messages. Raises TryLater, CompanyUnknown, TurnTaken; the delivery may then
        come again.
        """
        key = Key(delivery.company_id, delivery.chat)
        memory = await self.store.load(key)
        await self._send(key, memory.owed)
        if memory.open_input is not None:
            memory = await self._run(key, memory, memory.open_input)
        fresh = [each for each in delivery.messages if each.sequence > memory.last_sequence]
        if fresh:
            await self._run(key, memory, self._input(fresh))

    def _input(self, messages: Sequence[pb.InboundMessage]) -> Input:
        last = messages[-1]
        return Input(
            tuple(read_message(each) for each in messages),
            last.message_id,
            last.sequence,
            self.clock(),
            next((each.push_name for each in reversed(messages) if each.push_name), ""),
            next((each.phone_number for each in reversed(messages) if each.phone_number), ""),
        )

    async def _run(self, key: Key, memory: Memory, turn_input: Input) -> Memory:
        """Runs one turn to its end, and sends what it owes."""
        catalogue = await self.booking.catalogue(key.company_id)
        state, texts = await self._fold(key, memory, turn_input, catalogue)
        replies = _owed(key, turn_input, texts)
        await self.store.close_turn(key, memory.turn, turn_input, state, replies, self.clock())
        self.probe("closed")
        await self._send(key, replies)
        return Memory(state, memory.turn + 1, turn_input.last_sequence)

    async def _fold(
        self, key: Key, memory: Memory, turn_input: Input, catalogue: Catalogue
    ) -> tuple[Conversation, list[str]]:
        texts: list[str] = []
        event: Event = CustomerSpoke(turn_input.messages)
        state, opened = memory.state, memory.open_input is not None
        for _ in range(MAX_ACTIONS):
            state, actions = step(state, event, turn_input.time, catalogue)
            texts += [each.text for each in actions if isinstance(each, Reply)]
            action = next((each for each in actions if not isinstance(each, Reply)), None)
            if action is None:
                return state, texts
            if isinstance(action, MUTATIONS) and not opened:
                await self.store.open_turn(key, memory.turn, turn_input)
                opened = True
                self.probe("opened")
            event = await self._perform(key, action, turn_input, catalogue)
        raise EndlessTurn(f"A turn of company {key.company_id} asked for more than {MAX_ACTIONS} actions.")

    async def _perform(self, key: Key, action: Action, turn_input: Input, catalogue: Catalogue) -> Event:
        customer = Customer(
            key.chat,
            turn_input.customer_name,
            turn_input.phone_number,
            turn_input.time,
            request_id(key, turn_input.message_id, "booking"),
        )
        event = await self.booking.perform(action, catalogue, customer)
        self.probe(f"performed {type(action).__name__}")
        return event

    async def _send(self, key: Key, replies: Sequence[OwedReply]) -> None:
        for each in replies:
            outcome = await self.gateway.send(key, each)
            self.probe("sent")
            await self.store.note_outcome(key, each.request_id, outcome, self.clock())
            self.probe("noted")


def _owed(key: Key, turn_input: Input, texts: Sequence[str]) -> tuple[OwedReply, ...]:
    """One turn is one message."""
    text = "\n\n".join(texts)[:MAX_CHARACTERS]
    return (OwedReply(request_id(key, turn_input.message_id, "reply"), text),) if text else ()


def request_id(key: Key, message_id: str, what: str) -> str:
    """Names what the turn that ends with this message does: the same after any crash, and unique within the company."""
    name = "\0".join((str(key.company_id), key.chat, message_id, what))
    return f"worker-{what}-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
