"""Texts that somebody wants sent while the mesh is struck, and the judgement over what became of each.

Owns: the patient caller of Gateway.Send, and the rules that tie an outcome to the network's log:

    SENT, DELIVERED, READ    the customer has the text once, under the message id that Send told
    FAILED                   the customer has nothing
    UNKNOWN                  a kill struck while that send was under way, and the customer has nothing; or has the text,
                             and a kill struck just when its receipt was handed over (RECEIPT_WINDOW)

A text that was wanted at least once arrives, and once more at most for each kill that struck while it was under way.

Refuses: to strike. Invariant: every other text arrives once at most.
"""

import asyncio
import itertools
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from judging import Verdict

# grpc after judging, which sets the environment that it loads in
# isort: split
import grpc

from wamesh.console import demo
from wamesh.emulator.v1 import emulator_pb2 as network
from wamesh.gateway.v1 import gateway_pb2 as pb

DOUBT: Final = timedelta(seconds=8)
"""How long a receipt may prove a send in these runs; the gateway's own default is a minute."""
RECEIPT_WINDOW: Final = timedelta(seconds=1)
"""A kill so soon after a message, or after a login that followed it, may have hit its receipt between the library,
which tells WhatsApp that it has it, and the journal.
"""
CALL_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = (0.02, 0.1)
QUEUED_PAUSE_SECONDS: Final = 0.4

AWAY: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,  # the gateway is away
        grpc.StatusCode.FAILED_PRECONDITION,  # the session is away
        grpc.StatusCode.DEADLINE_EXCEEDED,  # the outcome takes longer
        grpc.StatusCode.CANCELLED,  # the same, when the server saw the deadline first
    }
)
"""Answers after which a caller asks again."""
OPEN: Final = frozenset({pb.DELIVERY_STATE_QUEUED, pb.DELIVERY_STATE_SENDING})
ARRIVED: Final = frozenset({pb.DELIVERY_STATE_SENT, pb.DELIVERY_STATE_DELIVERED, pb.DELIVERY_STATE_READ})


@dataclass(slots=True)
class Letter:
    """One text for one customer. How often the mesh may send it is the contract's word."""

    text: str
    phone_number: str
    queueable: bool
    guarantee: "pb.Guarantee.ValueType"
    company_id: int = demo.COMPANY_ID
    schedule_time: datetime | None = None

    @property
    def request_id(self) -> str:
        """Names it in the outbox."""
        return self.text.replace(" ", "-")


def written(customers: int, dice: random.Random, guarantee: "pb.Guarantee.ValueType") -> Iterator[Letter]:
    """Unique texts for ever; customers get many each, so that the order in a chat matters too."""
    for number in itertools.count():
        phone_number = f"+4477009{dice.randrange(customers):05}"
        yield Letter(f"letter {number}", phone_number, dice.random() < 0.3, guarantee)


def shorten_doubts() -> None:
    """Lets the gateways that are started from here on doubt no longer than DOUBT."""
    os.environ["WAMESH_DOUBT_SECONDS"] = str(DOUBT.total_seconds())


async def send(pick: Callable[[], Any], letter: Letter) -> pb.OutgoingMessage:
    """Sends a letter through the gateway that `pick` gives, and asks again with the same request id until it has an
    outcome.
    """
    request = pb.SendRequest(
        company_id=letter.company_id,
        request_id=letter.request_id,
        phone_number=letter.phone_number,
        text=letter.text,
        queue_while_disconnected=letter.queueable,
        guarantee=letter.guarantee,
    )
    if letter.schedule_time is not None:
        request.schedule_time.FromDatetime(letter.schedule_time)
    while True:
        try:
            message: pb.OutgoingMessage = (await pick().Send(request, timeout=CALL_SECONDS)).message
        except grpc.aio.AioRpcError as error:
            if error.code() not in AWAY:
                raise
        else:
            if message.state not in OPEN:
                return message
            if message.state == pb.DELIVERY_STATE_QUEUED:
                await asyncio.sleep(QUEUED_PAUSE_SECONDS)
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))


class Judge:
    """Holds each letter's outcomes against what its customer has of it.

    `kills` are the moments of every kill -9 that may have hit a send.
    """

    def __init__(
        self,
        verdict: Verdict,
        gateway: Any,
        log: Sequence[network.Event],
        kills: Sequence[datetime],
    ) -> None:
        self._verdict = verdict
        self._gateway = gateway
        self._log = log
        self._kills = kills
        self._arrived: dict[str, list[network.Event]] = {}
        for event in log:
            if event.kind == network.EVENT_KIND_MESSAGE_SENT:
                self._arrived.setdefault(event.text, []).append(event)

    async def judge(self, letters: Iterable[Letter]) -> None:
        """All letters; also that nobody was sent anything else."""
        mine = list(letters)
        for letter in mine:
            await self._judge(letter)
        foreign = self._arrived.keys() - {letter.text for letter in mine}
        self._verdict.violations += [f"nobody asked to send {text!r}" for text in foreign]
        self._verdict.counts["texts"] += len(mine)
        self._verdict.counts["messages in the log"] += sum(map(len, self._arrived.values()))

    async def _judge(self, letter: Letter) -> None:
        outcome = await self._outcome(letter)
        arrived = self._arrived.get(letter.text, [])
        kills = [kill for kill in self._kills if _accepted(outcome) <= kill <= _moment(outcome)]
        at_least_once = letter.guarantee == pb.GUARANTEE_AT_LEAST_ONCE
        if len(arrived) > (1 + len(kills) if at_least_once else 1):
            self._violated(letter, f"arrived {len(arrived)} times, and {len(kills)} kills struck meanwhile")
        if at_least_once and not arrived:
            self._violated(letter, "never arrived")
        self._judge_outcome(letter, outcome, [each for each in arrived if each.message_id == outcome.message_id])
        self._verdict.counts["sends that a kill interrupted"] += bool(kills)
        self._verdict.counts["texts that arrived more than once"] += len(arrived) > 1

    def _judge_outcome(self, letter: Letter, outcome: pb.OutgoingMessage, arrived: Sequence[network.Event]) -> None:
        """`arrived`: the messages that the customer has under the id of this outcome; none when it has no id."""
        state = pb.DeliveryState.Name(outcome.state).removeprefix("DELIVERY_STATE_")
        self._verdict.counts[f"outcome {state}"] += 1
        if outcome.state in ARRIVED:
            if len(arrived) != 1:
                self._violated(letter, f"{state} as {outcome.message_id}, and the customer has it {len(arrived)} times")
        elif outcome.state == pb.DELIVERY_STATE_UNKNOWN:
            self._judge_doubt(letter, outcome, arrived)
        elif outcome.state != pb.DELIVERY_STATE_FAILED:
            self._violated(letter, f"{state} is no final state")
        elif letter.text in self._arrived:
            self._violated(letter, f"FAILED ({outcome.failure}), and the customer has it")

    def _judge_doubt(self, letter: Letter, outcome: pb.OutgoingMessage, arrived: Sequence[network.Event]) -> None:
        begun, doubted = _accepted(outcome), _moment(outcome) - DOUBT
        if not _struck(self._kills, begun, doubted):
            self._violated(letter, f"UNKNOWN, and no kill between {begun:%X.%f} and {doubted:%X.%f}")
        for event in arrived:
            self._verdict.counts["UNKNOWN, and the customer has it"] += 1
            if not any(_struck(self._kills, each, each + RECEIPT_WINDOW) for each in self._handed_over(event)):
                self._violated(letter, f"UNKNOWN, and nothing kept the receipt of {event.message_id} from us")

    def _handed_over(self, event: network.Event) -> Iterator[datetime]:
        """When the receipt of a message may have been on its way to us: at once, and at each login after it."""
        yield _time(event)
        for other in self._log:
            if other.kind == network.EVENT_KIND_LOGGED_IN and other.cursor > event.cursor:
                yield _time(other)

    async def _outcome(self, letter: Letter) -> pb.OutgoingMessage:
        request = pb.GetMessageRequest(company_id=letter.company_id, request_id=letter.request_id)
        answer: pb.GetMessageResponse = await self._gateway.GetMessage(request, wait_for_ready=True, timeout=60)
        return answer.message

    def _violated(self, letter: Letter, what: str) -> None:
        self._verdict.violations.append(f"{letter.text!r} to {letter.phone_number}: {what}")


def _time(event: network.Event) -> datetime:
    return event.event_time.ToDatetime(UTC)


def _accepted(message: pb.OutgoingMessage) -> datetime:
    return message.create_time.ToDatetime(UTC)


def _moment(message: pb.OutgoingMessage) -> datetime:
    return message.update_time.ToDatetime(UTC)


def _struck(kills: Iterable[datetime], begin: datetime, end: datetime) -> bool:
    return any(begin <= kill <= end for kill in kills)
