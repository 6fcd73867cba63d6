"""The rules of a turn when the world changes between a crash and its repair, or the customer's name does."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from support.booking_service import SALON_FILE
from support.inline_database import empty_copy
from support.worker_faults import CHAT, Call, InProcess, Kill, Killed, Town, unhurried

from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    MeshError,
    NotFound,
    ResourceExhausted,
    Unavailable,
)
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.storage.worker.conversations import ConversationTables
from wamesh.worker.failures import TryLater
from wamesh.worker.gateway_client import GatewayClient
from wamesh.worker.hold import DeliveryLost, Hold
from wamesh.worker.stores import Key, Outcome, OwedReply

if TYPE_CHECKING:
    from wamesh.gateway.v1.gateway_pb2_grpc import GatewayAsyncStub

HIDDEN = "98765432101234@lid"
KEY = Key(1, CHAT)
REPLY = OwedReply("r-1", "раз")


@pytest.fixture
async def town() -> Town:
    """A customer who was shown six times."""
    town = await Town.fresh(ConversationTables(await empty_copy("worker")))
    town.hears("Хочу на маникюр завтра вечером")
    await town.served()
    return town


async def cut_after_booking(town: Town) -> None:
    """The customer picks, and the worker is killed between booking and its own commit."""
    town.hears("17:30 у Марии")
    kill = Kill(4, after=True)
    with pytest.raises(Killed):
        await town.worker(kill).answer(town.delivery(), unhurried())
    assert kill.calls[-1] == "CreateBooking"


async def test_a_changed_catalogue_changes_no_decision(town: Town) -> None:
    """A booked turn is finished as it was decided, though its words would not be understood any more."""
    await cut_after_booking(town)
    text = SALON_FILE.read_text().replace("Мария", "Жанна").replace("Maria", "Jeanne").replace("Europe/Berlin", "UTC")
    await town.has(parse_catalogue(text))
    await town.served()
    assert len(await town.appointments()) == 1
    assert town.postbox.texts[-1].startswith("✅ Записали вас:")


async def test_newer_messages_change_no_decision(town: Town) -> None:
    """The redelivery has more messages: the booked turn ends first, then they are answered."""
    await cut_after_booking(town)
    town.hears("нет, лучше завтра в 20:00")
    await town.served()
    assert len(await town.appointments()) == 1
    assert [text.startswith("✅") for text in town.postbox.texts] == [False, True, False]


async def test_what_the_salon_cancelled_meanwhile_is_not_confirmed(town: Town) -> None:
    """The customer is offered other times instead."""
    await cut_after_booking(town)
    await town.salon.cancel(1, "ill")
    await town.served()
    assert not town.postbox.texts[-1].startswith("✅")


async def test_a_visit_moves_into_its_own_time(town: Town) -> None:
    """By half of its length: its old time is no hindrance, and it keeps its number."""
    for line in ("17:30 у Марии", "перенесите на полчаса позже", "да"):
        town.hears(line)
        await town.served()
    moved = [(each.booking_id, each.local_start[11:16], each.revision) for each in await town.appointments()]
    assert moved == [(1, "18:00", 2)]
    assert town.postbox.texts[-1].startswith("✅ Перенесли запись:")


async def test_a_move_that_was_cut_off_is_told_once(town: Town) -> None:
    """Also when the salon cancelled the visit before the successor could tell of it."""
    for line in ("17:30 у Марии", "перенесите на полчаса позже"):
        town.hears(line)
        await town.served()
    town.hears("да")
    kill = Kill(4, after=True)
    with pytest.raises(Killed):
        await town.worker(kill).answer(town.delivery(), unhurried())
    assert kill.calls[-1] == "RescheduleBooking"
    await town.salon.cancel(1, "ill")
    await town.served()
    assert town.postbox.texts[-1].startswith("Прежняя запись уже отменена")


async def test_a_dead_letter_that_is_delivered_again_is_answered(town: Town) -> None:
    """Though the conversation went on after it; what was answered is not answered again."""
    town.hears("где вы находитесь?")
    buried = town.inbox.pop()
    town.hears("спасибо")
    answered = town.inbox[0]
    await town.served()
    town.inbox = [buried, answered]
    await town.served()
    assert [len(town.postbox.sent), "Lindenstraße" in town.postbox.texts[-1]] == [3, True]


async def test_a_joined_customer_goes_on_under_the_other_name(town: Town) -> None:
    """The gateway learned that number and hidden id are one customer: the offer stands, and so do the visits."""
    town.chat = HIDDEN
    town.hears("2")
    await town.served()
    town.chat = CHAT
    town.hears("мои записи")
    town.inbox[0].sender = HIDDEN
    await town.served()
    assert [request.chat for request in town.postbox.sent] == [CHAT, HIDDEN, CHAT]
    assert town.postbox.texts[1].startswith("✅")
    assert "17:30" in town.postbox.texts[2]


@dataclass
class Answering:
    """A gateway whose Send ends like this."""

    end: "pb.DeliveryState.ValueType | MeshError"

    async def Send(self, request: pb.SendRequest, context: Any) -> pb.SendResponse:
        if isinstance(self.end, MeshError):
            raise self.end
        return pb.SendResponse(message=pb.OutgoingMessage(state=self.end))


def gateway(servicer: Answering) -> GatewayClient:
    """A client of it."""
    return GatewayClient(cast("GatewayAsyncStub", InProcess(servicer)))


@dataclass
class Stopped:
    """SIGSTOP for so long after a call; `monotonic` tells the time."""

    after: str
    seconds: float
    now: float = 0.0

    def monotonic(self) -> float:
        """Seconds since the delivery came."""
        return self.now

    async def around(self, name: str, call: Call) -> Any:
        answer = await call()
        if name == self.after:
            self.now += self.seconds
        return answer


@pytest.mark.parametrize("after", ("load", "ListStaff", "open_turn", "CreateBooking", "close_turn"))
async def test_a_worker_that_lost_its_delivery_calls_nobody(town: Town, after: str) -> None:
    """It was stopped beyond its ack deadline: nothing of the turn leaves it, and its successor ends the turn."""
    town.hears("2")
    stopped = Stopped(after, 61)
    made = len(town.postbox.sent)
    with pytest.raises(DeliveryLost):
        await town.worker(stopped).answer(town.delivery(), Hold(timedelta(seconds=60), stopped.monotonic))
    assert len(town.postbox.sent) == made
    assert len(await town.appointments()) == (after in ("CreateBooking", "close_turn"))
    await town.served()
    assert [len(town.postbox.sent), len(await town.appointments())] == [made + 1, 1]


@pytest.mark.parametrize(
    ("state", "outcome"),
    (
        (pb.DELIVERY_STATE_READ, Outcome.SENT),
        (pb.DELIVERY_STATE_FAILED, Outcome.FAILED),
        (pb.DELIVERY_STATE_CANCELLED, Outcome.FAILED),
        (pb.DELIVERY_STATE_UNKNOWN, Outcome.UNKNOWN),
    ),
)
async def test_an_outcome_of_send_is_final(state: "pb.DeliveryState.ValueType", outcome: Outcome) -> None:
    """Whatever it is: the reply is not sent again."""
    assert await gateway(Answering(state)).send(KEY, REPLY) is outcome


@pytest.mark.parametrize(
    ("refusal", "away"),
    (
        (Unavailable("NOT_HOLDER: the gateway changes.", timedelta(seconds=1)), True),
        (ResourceExhausted("PACE_EXCEEDED", timedelta(seconds=1)), True),
        (FailedPrecondition("The session is down."), True),
        (NotFound("session", "1"), False),
    ),
)
async def test_a_refusal_of_send_that_may_pass_is_tried_later(refusal: MeshError, away: bool) -> None:
    """The reply stays owed; what is away counts no attempt, so it makes no dead letter."""
    with pytest.raises(TryLater) as later:
        await gateway(Answering(refusal)).send(KEY, REPLY)
    assert (later.value.away, later.value.retry_after is not None) == (away, away)


@pytest.mark.parametrize("refusal", (AlreadyExists("Used for another message."), InvalidArgument([])))
async def test_a_refusal_of_send_for_good_ends_the_reply(refusal: MeshError) -> None:
    """It is logged as an error; nobody repeats it for ever."""
    assert await gateway(Answering(refusal)).send(KEY, REPLY) is Outcome.FAILED
