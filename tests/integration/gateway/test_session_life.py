"""The life of a session through real processes: supervisor, session process, memory transport, emulator."""

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.emulator import RunningEmulator, running_emulator
from support.gateway_sessions import QUICK, gateway, is_running, text_for

from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.gateway.errors import (
    AlreadyPaired,
    LeaseLost,
    PairingInProgress,
    SessionLoggedOut,
    SessionNotFound,
    SessionStopped,
)
from wamesh.gateway.session.state import Reason, SessionState
from wamesh.whatsapp.events import PairCodeIssued, Paired, PairingFailed, PairingFailure, QrIssued
from wamesh.whatsapp.transport import Sent

COMPANY = 7
SALON = "+12025550101"
CUSTOMER = "+447700900123"


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


async def test_pairing_by_qr_connects(tmp_path: Path, emulator: RunningEmulator) -> None:
    """A scanned code links the device, and the session logs in by itself."""
    async with gateway(tmp_path, emulator.target) as held:
        paired = await held.pair(COMPANY, emulator, SALON)
        session = held.supervisor.snapshot(COMPANY)
        assert paired.phone_number == SALON
        assert (session.state, session.reason) == (SessionState.CONNECTED, Reason.LOGGED_IN)
        assert (session.device, session.phone_number) == (str(paired.device), SALON)


async def test_messages_go_both_ways(tmp_path: Path, emulator: RunningEmulator) -> None:
    """What a customer writes reaches the sink; what is sent reaches the customer."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        emulator.say(CUSTOMER, SALON, "is there a slot?")
        message = await held.received()
        outcome = await held.supervisor.send(COMPANY, text_for(CUSTOMER, "there is"))
        assert message.text == "is there a slot?"
        assert isinstance(outcome, Sent)
        assert [each.text for each in emulator.received(CUSTOMER, 1)] == ["there is"]


async def test_a_restarted_gateway_needs_no_new_qr(tmp_path: Path, emulator: RunningEmulator) -> None:
    """A session that ran is restored at start, with the device it had."""
    async with gateway(tmp_path, emulator.target) as held:
        paired = await held.pair(COMPANY, emulator, SALON)
    async with gateway(tmp_path, emulator.target) as held:
        session = await held.until(COMPANY, SessionState.CONNECTED)
    assert session.device == str(paired.device)
    assert session.epoch == 2
    assert len(emulator.events(pb.EVENT_KIND_PAIRING_OFFERED)) == 1


async def test_a_pair_code_replaces_the_qr_codes(tmp_path: Path, emulator: RunningEmulator) -> None:
    """With a phone number the pairing offers one pair code, and no QR code."""
    emulator.add_account(SALON)
    async with gateway(tmp_path, emulator.target) as held, aclosing(held.supervisor.pair(COMPANY, SALON)) as events:
        first = await anext(events)
        assert isinstance(first, PairCodeIssued)
        emulator.stub.EnterPairCode(pb.EnterPairCodeRequest(phone_number=SALON, code=first.code))
        assert isinstance(await anext(events), Paired)


async def test_leaving_a_pairing_cancels_it(tmp_path: Path, emulator: RunningEmulator) -> None:
    """When the iterator is closed the session is UNPAIRED again and its process is gone."""
    async with gateway(tmp_path, emulator.target) as held:
        async with aclosing(held.supervisor.pair(COMPANY)) as events:
            assert isinstance(await anext(events), QrIssued)
            pid = held.pid_of(COMPANY)
        session = held.supervisor.snapshot(COMPANY)
        assert (session.state, session.reason) == (SessionState.UNPAIRED, Reason.PAIRING_CANCELLED)
        assert not is_running(pid)


async def test_a_second_pairing_is_refused(tmp_path: Path, emulator: RunningEmulator) -> None:
    """One pairing of a company at a time; the refused one does not disturb the first."""
    async with gateway(tmp_path, emulator.target) as held, aclosing(held.supervisor.pair(COMPANY)) as events:
        await anext(events)
        with pytest.raises(PairingInProgress):
            await anext(held.supervisor.pair(COMPANY))
        assert held.supervisor.snapshot(COMPANY).state is SessionState.PAIRING


async def test_a_paired_company_is_not_paired_again(tmp_path: Path, emulator: RunningEmulator) -> None:
    """Pair refuses a company that has a device, and leaves its session alone."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        with pytest.raises(AlreadyPaired):
            await anext(held.supervisor.pair(COMPANY))
        assert held.supervisor.snapshot(COMPANY).state is SessionState.CONNECTED


async def test_an_unscanned_pairing_times_out(tmp_path: Path, emulator: RunningEmulator) -> None:
    """A pairing that nobody scans ends by its own timeout."""
    policy = replace(QUICK, pairing_timeout=timedelta(seconds=1))
    async with gateway(tmp_path, emulator.target, policy=policy) as held:
        events = [event async for event in held.supervisor.pair(COMPANY)]
    assert events[-1] == PairingFailed(PairingFailure.TIMED_OUT)


async def test_starting_without_a_device_ends_unpaired(tmp_path: Path, emulator: RunningEmulator) -> None:
    """Start registers an unknown company, finds no device and connects nothing."""
    async with gateway(tmp_path, emulator.target) as held:
        session = await held.supervisor.start(COMPANY)
        assert (session.state, session.reason) == (SessionState.UNPAIRED, Reason.NO_DEVICE)
    assert emulator.events(pb.EVENT_KIND_CONNECTION_OPENED) == []


async def test_an_unknown_company_is_not_found(tmp_path: Path, emulator: RunningEmulator) -> None:
    """Nothing but start and pair registers a company; sending least of all."""
    async with gateway(tmp_path, emulator.target) as held:
        with pytest.raises(SessionNotFound):
            await held.supervisor.send(COMPANY, text_for(CUSTOMER, "hello"))
        assert held.supervisor.snapshots() == []


async def test_a_session_that_is_let_go_is_never_said_not_to_be(
    tmp_path: Path, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A send that the end of the process breaks off still asks for it; one that comes a moment later hears that another
    gateway is the holder.
    """
    known = list[SessionState]()
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        monkeypatch.setattr(
            held.sinks, "end", lambda company_id: known.append(held.supervisor.snapshot(company_id).state)
        )
        await held.supervisor.let_go(COMPANY)
        assert known == [SessionState.CONNECTED]
        with pytest.raises(LeaseLost):
            held.supervisor.snapshot(COMPANY)
        await held.supervisor.start(COMPANY)
        await held.until(COMPANY, SessionState.CONNECTED)


async def test_a_stopped_session_starts_without_a_qr(tmp_path: Path, emulator: RunningEmulator) -> None:
    """Stop keeps the device, also over a restart of the gateway, which does not start it."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        await held.supervisor.stop(COMPANY)
    async with gateway(tmp_path, emulator.target) as held:
        assert held.supervisor.snapshot(COMPANY).state is SessionState.STOPPED
        with pytest.raises(SessionStopped):
            await held.supervisor.send(COMPANY, text_for(CUSTOMER, "hello"))
        await held.supervisor.start(COMPANY)
        await held.until(COMPANY, SessionState.CONNECTED)


async def test_logout_unlinks_the_device(tmp_path: Path, emulator: RunningEmulator) -> None:
    """After Logout WhatsApp does not know the device any more, and the session has none."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        session = await held.supervisor.logout(COMPANY)
        assert (session.state, session.reason, session.device) == (SessionState.LOGGED_OUT, Reason.OPERATOR, "")
        with pytest.raises(SessionLoggedOut):
            await held.supervisor.start(COMPANY)
    emulator.wait_for(pb.EVENT_KIND_DEVICE_REMOVED)


async def test_a_device_removed_on_the_phone_is_logged_out(tmp_path: Path, emulator: RunningEmulator) -> None:
    """The owner removes the device: LOGGED_OUT, and nothing dials."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        emulator.inject(SALON, pb.FAULT_KIND_DEVICE_REMOVED)
        session = await held.until(COMPANY, SessionState.LOGGED_OUT)
        assert session.reason is Reason.DEVICE_REMOVED


async def test_a_find_tells_whether_a_send_began(tmp_path: Path, emulator: RunningEmulator) -> None:
    """The device store knows the secret of a message that was sent, and no other."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        message = text_for(CUSTOMER, "hello")
        outcome = await held.supervisor.send(COMPANY, message)
        assert isinstance(outcome, Sent)
        assert await held.supervisor.find_sent(COMPANY, message.secret) == outcome.message_id
        assert await held.supervisor.find_sent(COMPANY, bytes(32)) is None
