"""Customers who book in dialogues while the mesh is struck, and the judgement over what they were answered.

Owns: the patient customer, how the network's log is cut into turns, and their rules:

* every message that the salon's device received is answered, once;
* no message id reaches a customer twice;
* each customer has as many bookings as it read confirmations, but for confirmations whose send is in doubt.

Two losses are documented and counted apart. LOST: the session process died between the library's decrypting a
message, which it can do once, and the line in its journal. UNKNOWN: it died in the middle of the reply's send, and
no receipt ever proved the reply's fate, which is then reported and not repeated.

Refuses: to strike, and to know what excuses a loss. Invariant: a customer says one thing at a time, and says the next
only after the answer; whoever gets none says nothing more.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from judging import Verdict

from wamesh.emulator.v1 import emulator_pb2 as network

PATIENCE_SECONDS: Final = 200.0
"""How long a customer waits: an ack that is withheld holds the session's other sends back for up to 75 s."""
CONFIRMED: Final = "You're booked"

IsStored = Callable[[str], Awaitable[bool]]
"""Whether a message, by its id, is in the inbox."""


class Phone:
    """A customer of one salon. `emulator` is a stub of the network's control service.

    A message that is in no inbox after `lost_after_seconds` has no process left that could bring it there.
    """

    def __init__(
        self,
        emulator: Any,
        salon: str,
        number: str,
        dice: random.Random,
        is_stored: IsStored,
        lost_after_seconds: float,
        pause_seconds: tuple[float, float] = (0.0, 2.0),
    ) -> None:
        self._emulator = emulator
        self._salon = salon
        self._number = number
        self._dice = dice
        self._is_stored = is_stored
        self._lost_after_seconds = lost_after_seconds
        self._pause_seconds = pause_seconds
        self._replies: asyncio.Queue[str] = asyncio.Queue()

    async def live(self, until: float) -> None:
        """Books again and again until a moment of the loop's clock; gives up for good when a message gets no answer."""
        watching = asyncio.create_task(self._watch())
        clock = asyncio.get_running_loop().time
        try:
            while clock() < until:
                for text in self._dialogue():
                    if not await self._answered(text):
                        return
                await asyncio.sleep(self._dice.uniform(*self._pause_seconds))
        finally:
            watching.cancel()

    def _dialogue(self) -> Sequence[str]:
        day = datetime.now(UTC) + timedelta(days=self._dice.randint(1, 20))
        return f"Haircut on {day:%-d %B}", str(self._dice.randint(1, 6)), "Thank you!"

    async def _answered(self, text: str) -> bool:
        request = network.SendAsCustomerRequest(
            customer_phone_number=self._number,
            push_name="Alex",
            account_phone_number=self._salon,
            content=network.Content(text=network.TextContent(body=text)),
        )
        message_id = (await self._emulator.SendAsCustomer(request)).message_id
        for patience in (self._lost_after_seconds, PATIENCE_SECONDS - self._lost_after_seconds):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._replies.get(), patience)
                return True
            if not await self._is_stored(message_id):
                return False
        return False

    async def _watch(self) -> None:
        request = network.WatchCustomerRequest(customer_phone_number=self._number)
        async for seen in self._emulator.WatchCustomer(request):
            self._replies.put_nowait(seen.message.text)


@dataclass(slots=True)
class Turn:
    """A customer's message, and what the salon sent until the next."""

    salon: str
    customer: str
    message_id: str
    text: str
    sent: datetime
    received: datetime | None = None
    replies: list[network.Event] = field(default_factory=list)

    def came_near(self, moments: Iterable[datetime], window: timedelta) -> bool:
        """Whether one of the moments is within the window of the message's coming: of its being sent, or of the
        device's word that it has it."""
        came = [self.sent] if self.received is None else [self.sent, self.received]
        return any(abs(moment - each) < window for moment in moments for each in came)


def turns_of(log: Iterable[network.Event]) -> list[Turn]:
    """Cuts the log into turns."""
    turns: list[Turn] = []
    current: dict[str, Turn] = {}
    by_id: dict[str, Turn] = {}
    for event in log:
        customer, moment = event.customer_phone_number, event.event_time.ToDatetime(UTC)
        if event.kind == network.EVENT_KIND_CUSTOMER_SENT:
            turn = Turn(event.account_phone_number, customer, event.message_id, event.text, moment)
            current[customer] = by_id[event.message_id] = turn
            turns.append(turn)
        elif event.kind == network.EVENT_KIND_DEVICE_RECEIVED and event.message_id in by_id:
            turn = by_id[event.message_id]
            turn.received = turn.received or moment
        elif event.kind == network.EVENT_KIND_MESSAGE_SENT and customer in current:
            current[customer].replies.append(event)
    return turns


@dataclass(frozen=True, slots=True)
class Excuses:
    """What explains a turn without an answer.

    `stored` are the ids of the messages in the inbox; `may_be_lost` tells whether a blow fell that can lose a message
    that its device received then; `doubts` is how many sends to a customer are UNKNOWN.
    """

    stored: Set[str]
    may_be_lost: Callable[[Turn], bool]
    doubts: Counter[str]


def judge_turns(verdict: Verdict, turns: Iterable[Turn], excuses: Excuses) -> None:
    """Each received message is answered once."""
    doubts = Counter(excuses.doubts)
    for turn in turns:
        verdict.counts["customer messages"] += 1
        said = f"{turn.salon} hears {turn.customer}: {turn.text!r} ({turn.message_id}, {turn.sent:%X})"
        if turn.received is None:
            verdict.violations.append(f"never delivered to the device: {said}")
        elif len(turn.replies) > 1:
            sent = " | ".join(f"{each.message_id}: {each.text[:40]!r}" for each in turn.replies)
            verdict.violations.append(f"answered {len(turn.replies)} times: {said}: {sent}")
        elif turn.replies:
            verdict.counts["customer messages answered once"] += 1
        elif turn.message_id not in excuses.stored and excuses.may_be_lost(turn):
            verdict.counts["LOST (documented)"] += 1
        elif doubts[turn.customer]:
            doubts[turn.customer] -= 1
            verdict.counts["UNKNOWN (documented)"] += 1
        else:
            stored = "stored" if turn.message_id in excuses.stored else f"received {turn.received:%X.%f}, never stored"
            verdict.violations.append(f"never answered: {said}, {stored}")


def judge_ids(verdict: Verdict, log: Iterable[network.Event]) -> None:
    """No message id reaches anybody twice."""
    sent = Counter(each.message_id for each in log if each.kind == network.EVENT_KIND_MESSAGE_SENT)
    verdict.violations += [f"message id sent {times} times: {each}" for each, times in sent.items() if times > 1]


def judge_bookings(verdict: Verdict, turns: Iterable[Turn], booked: Counter[str], doubts: Counter[str]) -> None:
    """Each customer has read one confirmation a booking; as many as sends to it are in doubt may be missing."""
    read: Counter[str] = Counter()
    for turn in turns:
        read[turn.customer] += sum(CONFIRMED in each.text for each in turn.replies)
    verdict.counts["bookings"] += booked.total()
    verdict.counts["confirmations"] += read.total()
    verdict.violations += [
        f"{customer} has {booked[customer]} bookings and read {read[customer]} confirmations"
        for customer in sorted({*read, *booked})
        if not 0 <= booked[customer] - read[customer] <= doubts[customer]
    ]
