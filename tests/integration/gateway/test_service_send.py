"""Send, GetMessage, Health and the session rpcs through real gRPC."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.fake_sessions import Gate, lose
from support.gateway_messages import NOON
from support.gateway_service import RunningGateway, running_gateway

from wamesh.clock import utc_now
from wamesh.errors import Violation
from wamesh.gateway.outbox.pacing import PacePolicy
from wamesh.gateway.outbox.policy import OutboxPolicy
from wamesh.gateway.session.state import SessionState
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.whatsapp.events import Paired, PairingFailed, PairingFailure, QrIssued
from wamesh.whatsapp.jid import Jid
from wamesh.whatsapp.transport import Uncertain


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    async with running_gateway(tmp_path) as running:
        yield running


def send_request(**fields: Any) -> pb.SendRequest:
    known: dict[str, Any] = {
        "company_id": 7,
        "request_id": "r-1",
        "phone_number": "+1 202-555-0101",
        "text": "See you at ten.",
    }
    return pb.SendRequest(**(known | fields))


async def test_send_returns_the_outcome_and_get_message_reads_it(gateway: RunningGateway) -> None:
    """A text goes out once, however often it is asked for."""
    first = await gateway.stub.Send(send_request())
    again = await gateway.stub.Send(send_request())
    read = await gateway.stub.GetMessage(pb.GetMessageRequest(company_id=7, request_id="r-1"))
    assert (first.message.state, first.message.message_id) == (pb.DELIVERY_STATE_SENT, "id-1")
    assert first.message.chat == "12025550101@s.whatsapp.net"
    assert first.message == again.message == read.message
    assert len(gateway.sessions.network.wire) == 1


async def test_a_chat_is_answered_as_it_was_delivered(gateway: RunningGateway) -> None:
    """A hidden address needs no phone number."""
    request = send_request(chat="98765432101234@lid", quoted_message_id="q-1")
    response = await gateway.stub.Send(request)
    (message,) = gateway.sessions.network.wire
    assert (str(message.chat), message.quoted_message_id) == ("98765432101234@lid", "q-1")
    assert response.message.quoted_message_id == "q-1"


async def test_a_passed_deadline_stops_the_caller_only(gateway: RunningGateway) -> None:
    """DEADLINE_EXCEEDED says nothing about the message; the same request tells its outcome."""
    gate = Gate()
    gateway.sessions.script.append(gate.step())
    refusal = await gateway.refused(lambda: gateway.stub.Send(send_request(), timeout=0.1))
    assert refusal.code is grpc.StatusCode.DEADLINE_EXCEEDED
    again = asyncio.ensure_future(gateway.stub.Send(send_request()))
    gate.opened.set()
    assert (await again).message.state == pb.DELIVERY_STATE_SENT
    assert len(gateway.sessions.network.wire) == 1


@pytest.mark.parametrize("company_id", [0, -1])
async def test_a_company_id_that_cannot_be_is_refused(gateway: RunningGateway, company_id: int) -> None:
    """The field is named, and nothing is sent."""
    refusal = await gateway.refused(lambda: gateway.stub.Send(send_request(company_id=company_id)))
    assert (refusal.code, refusal.violations) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        (Violation("company_id", "must be greater than 0"),),
    )


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("12025550101", "12025550101 must begin with + and the country code, as +12025550123 does"),
        ("+1202", "+1202 is too short for a number of country code 1"),
        ("+120255501010101", "+120255501010101 is too long for a number of country code 1"),
        ("+999 123 456 789", "+999 123 456 789 does not begin with the code of any country"),
        ("+1 202 CALL NOW", "+1 202 CALL NOW must hold digits only after the +, besides spaces and hyphens"),
        ("+1", "+1 is too short for a phone number"),
    ],
)
async def test_an_impossible_number_is_refused_with_the_reason(gateway: RunningGateway, number: str, why: str) -> None:
    """INVALID_ARGUMENT PHONE_NUMBER_IMPOSSIBLE names the field and says what is wrong."""
    refusal = await gateway.refused(lambda: gateway.stub.Send(send_request(phone_number=number)))
    assert (refusal.code, refusal.reason, refusal.violations) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "PHONE_NUMBER_IMPOSSIBLE",
        (Violation("phone_number", why),),
    )


@pytest.mark.parametrize("number", ["+1 202 555 0199", "+44 7700 900123", "+447700900000"])
async def test_fictional_numbers_pass(gateway: RunningGateway, number: str) -> None:
    """Possible is enough: tables of assigned numbers are not asked."""
    assert (await gateway.stub.Send(send_request(phone_number=number))).message.message_id


async def test_an_unknown_company_is_not_found(gateway: RunningGateway) -> None:
    """Send, GetSession and Health of it say so alike."""
    for call in (
        lambda: gateway.stub.Send(send_request(company_id=99)),
        lambda: gateway.stub.GetSession(pb.GetSessionRequest(company_id=99)),
        lambda: gateway.stub.Health(pb.HealthRequest(company_id=99)),
    ):
        refusal = await gateway.refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND")


async def test_a_session_that_is_not_connected_is_named(gateway: RunningGateway) -> None:
    """FAILED_PRECONDITION tells state, since and what to do."""
    gateway.sessions.set(7, SessionState.REPLACED)
    refusal = await gateway.refused(lambda: gateway.stub.Send(send_request()))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SESSION_REPLACED")
    assert refusal.metadata == {
        "company_id": "7",
        "state": "REPLACED",
        "session_reason": "LOGGED_IN",
        "since": NOON.isoformat(),
        "action": "Act.",
    }


async def test_a_message_may_queue(gateway: RunningGateway) -> None:
    """QUEUED is answered at once, and becomes SENT when the session connects."""
    gateway.sessions.set(7, SessionState.DISCONNECTED)
    request = send_request(queue_while_disconnected=True)
    assert (await gateway.stub.Send(request)).message.state == pb.DELIVERY_STATE_QUEUED
    gateway.sessions.set(7, SessionState.CONNECTED)
    assert (await gateway.stub.Send(send_request(request_id="r-2"))).message.state == pb.DELIVERY_STATE_SENT
    assert (await gateway.stub.Send(request)).message.state == pb.DELIVERY_STATE_SENT


async def test_a_message_may_be_scheduled_and_cancelled(gateway: RunningGateway) -> None:
    """QUEUED with its times; CancelMessage takes it back, as often as asked; what was sent cannot be taken back."""
    moment = utc_now().replace(microsecond=0) + timedelta(hours=1)
    request = send_request(schedule_time=moment)
    message = (await gateway.stub.Send(request)).message
    assert message.state == pb.DELIVERY_STATE_QUEUED
    assert message.schedule_time.ToDatetime(UTC) == moment
    assert message.expire_time.ToDatetime(UTC) == moment + timedelta(hours=24)
    cancel = pb.CancelMessageRequest(company_id=7, request_id="r-1")
    for _ in range(2):
        assert (await gateway.stub.CancelMessage(cancel)).message.state == pb.DELIVERY_STATE_CANCELLED
    assert (await gateway.stub.Send(request)).message.state == pb.DELIVERY_STATE_CANCELLED
    await gateway.stub.Send(send_request(request_id="r-2"))
    late = pb.CancelMessageRequest(company_id=7, request_id="r-2")
    refusal = await gateway.refused(lambda: gateway.stub.CancelMessage(late))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MESSAGE_NOT_QUEUED")
    assert refusal.metadata == {"company_id": "7", "request_id": "r-2", "state": "SENT"}
    nobody = pb.CancelMessageRequest(company_id=7, request_id="r-3")
    assert (await gateway.refused(lambda: gateway.stub.CancelMessage(nobody))).reason == "MESSAGE_NOT_FOUND"


@pytest.mark.parametrize(
    ("schedule", "expire", "field"),
    [
        (timedelta(days=367), None, "schedule_time"),
        (None, timedelta(seconds=-1), "expire_time"),
        (timedelta(hours=2), timedelta(hours=1), "(request)"),
    ],
)
async def test_impossible_times_are_refused(
    gateway: RunningGateway, schedule: timedelta | None, expire: timedelta | None, field: str
) -> None:
    """Too far ahead, past already, or expiring before it is due."""
    now = utc_now()
    request = send_request(schedule_time=schedule and now + schedule, expire_time=expire and now + expire)
    refusal = await gateway.refused(lambda: gateway.stub.Send(request))
    assert (refusal.code, [each.field for each in refusal.violations]) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_over_the_pace_a_send_is_refused(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED names the limit and says when there is room; a message that may queue waits."""
    policy = OutboxPolicy(pace=PacePolicy(gap=timedelta(minutes=1), burst=1))
    async with running_gateway(tmp_path, policy=policy) as gateway:
        await gateway.stub.Send(send_request(request_id="r-1"))
        refusal = await gateway.refused(lambda: gateway.stub.Send(send_request(request_id="r-2")))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "PACE_EXCEEDED")
        assert refusal.metadata == {"company_id": "7", "limit": "BURST"}
        assert refusal.retry_after is not None and 50 < refusal.retry_after.total_seconds() <= 60
        request = send_request(request_id="r-3", queue_while_disconnected=True)
        assert (await gateway.stub.Send(request)).message.state == pb.DELIVERY_STATE_QUEUED


async def test_a_guarantee_is_kept(gateway: RunningGateway) -> None:
    """At least once sends again what nothing proved; the message tells its guarantee, at most once by default."""
    gateway.sessions.script.append(lose(sent=True, outcome=Uncertain("timed out")))
    twice = await gateway.stub.Send(send_request(guarantee=pb.GUARANTEE_AT_LEAST_ONCE))
    once = await gateway.stub.Send(send_request(request_id="r-2"))
    assert (twice.message.state, twice.message.guarantee) == (pb.DELIVERY_STATE_SENT, pb.GUARANTEE_AT_LEAST_ONCE)
    assert once.message.guarantee == pb.GUARANTEE_AT_MOST_ONCE
    assert len(gateway.sessions.network.wire) == 3


async def test_an_unknown_guarantee_is_refused(gateway: RunningGateway) -> None:
    """A number that the contract does not have names its field."""
    refusal = await gateway.refused(lambda: gateway.stub.Send(send_request(guarantee=3)))
    assert [each.field for each in refusal.violations] == ["guarantee"]


async def test_a_reused_request_id_already_exists(gateway: RunningGateway) -> None:
    """Other content under the id is refused, with the id in the metadata."""
    await gateway.stub.Send(send_request())
    refusal = await gateway.refused(lambda: gateway.stub.Send(send_request(text="Other")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert refusal.metadata == {"company_id": "7", "request_id": "r-1"}


async def test_an_unknown_message_is_not_found(gateway: RunningGateway) -> None:
    """GetMessage of a request id that nobody used, or that another company used."""
    await gateway.stub.Send(send_request())
    for company_id, request_id in ((7, "r-2"), (8, "r-1")):
        request = pb.GetMessageRequest(company_id=company_id, request_id=request_id)
        refusal = await gateway.refused(partial(gateway.stub.GetMessage, request))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "MESSAGE_NOT_FOUND")


async def test_health_tells_recorded_facts(gateway: RunningGateway) -> None:
    """Ages and counts of one company or of all, without asking any session."""
    seen = utc_now() - timedelta(seconds=30)
    gateway.sessions.set_snapshot(replace(gateway.sessions.snapshot(8), last_inbound_time=seen))
    await gateway.stub.Send(send_request(company_id=8))
    everyone = await gateway.stub.Health(pb.HealthRequest())
    (one,) = (await gateway.stub.Health(pb.HealthRequest(company_id=8))).sessions
    assert [each.session.company_id for each in everyone.sessions] == [7, 8]
    assert (one.session.state, one.sends_finished, one.sends_succeeded) == (pb.SESSION_STATE_CONNECTED, 1, 1)
    assert 30 <= one.last_inbound_age.ToTimedelta().total_seconds() < 60
    assert not one.HasField("last_ack_age")
    assert gateway.sessions.calls == []


async def test_sessions_are_listed_in_pages(gateway: RunningGateway) -> None:
    """By company id, each once; a token that no page gave is refused."""
    first = await gateway.stub.ListSessions(pb.ListSessionsRequest(page_size=1))
    rest = await gateway.stub.ListSessions(pb.ListSessionsRequest(page_size=1, page_token=first.next_page_token))
    assert [each.company_id for each in (*first.sessions, *rest.sessions)] == [7, 8]
    assert (first.next_page_token != "", rest.next_page_token) == (True, "")
    request = pb.ListSessionsRequest(page_token="x")
    refusal = await gateway.refused(lambda: gateway.stub.ListSessions(request))
    assert (refusal.code, refusal.violations[0].field) == (grpc.StatusCode.INVALID_ARGUMENT, "page_token")


async def test_the_operators_verbs_reach_the_session(gateway: RunningGateway) -> None:
    """Each verb is one call, and answers with the session after it."""
    for verb in ("StartSession", "StopSession", "Reconnect", "Logout"):
        request = getattr(pb, f"{verb}Request")(company_id=7)
        assert (await getattr(gateway.stub, verb)(request)).session.company_id == 7
    assert [name for name, _ in gateway.sessions.calls] == ["start", "stop", "reconnect", "logout"]
    assert (await gateway.stub.StartSession(pb.StartSessionRequest(company_id=9))).session.company_id == 9


async def test_pair_streams_codes_and_ends_with_the_session(gateway: RunningGateway) -> None:
    """QR codes with their expiry, then the linked session."""
    device = Jid("12025550101", device=4)
    gateway.sessions.pairing = [
        QrIssued("2@abc", timedelta(seconds=20)),
        Paired(device, None, "+12025550101", "Salon"),
    ]
    steps = [step async for step in gateway.stub.Pair(pb.PairRequest(company_id=7))]
    assert [step.WhichOneof("event") for step in steps] == ["qr_code", "paired"]
    assert steps[0].qr_code.code == "2@abc"
    assert steps[0].qr_code.expire_time.ToDatetime(utc_now().tzinfo) > utc_now()
    assert steps[1].paired.session.company_id == 7


async def test_pair_by_code_checks_the_number(gateway: RunningGateway) -> None:
    """The number is made E.164; a failure says what to do."""
    gateway.sessions.pairing = [PairingFailed(PairingFailure.TIMED_OUT)]
    request = pb.PairRequest(company_id=7, phone_number="+1 202 555 0101")
    (step,) = [each async for each in gateway.stub.Pair(request)]
    assert (step.failed.reason, bool(step.failed.action)) == ("TIMED_OUT", True)
    assert gateway.sessions.calls == [("pair +12025550101", 7)]
    refusal = await gateway.refused(lambda: gateway.stub.Pair(pb.PairRequest(company_id=7, phone_number="12")).read())
    assert refusal.reason == "PHONE_NUMBER_IMPOSSIBLE"
