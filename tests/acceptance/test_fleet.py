"""Several gateways over one PostgreSQL, in real processes with the real client library."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio
from support.fleet import Fleet, running_fleet, salon_number
from support.freezing import freeze
from support.mesh import print_line
from support.postgresql import PostgresqlServer

from wamesh.emulator.v1 import emulator_pb2 as network
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.rpc.errors import refusal_of
from wamesh.rpc.forwarding import MARK

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="module")]

COMPANIES = (1, 2, 3)
LEASE_SECONDS = 6
CUSTOMER = "+447700900123"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgresqlServer) -> AsyncIterator[Fleet]:
    """Three gateways and three companies, each at its home; a test may kill what it likes."""
    settings = {"WAMESH_LEASE_SECONDS": str(LEASE_SECONDS), "WAMESH_LEASE_RENEW_SECONDS": "1.5"}
    directory = tmp_path_factory.mktemp("fleet")
    with postgresql_server.fresh_database() as url:
        async with running_fleet(directory, url, print_line, companies=len(COMPANIES), environment=settings) as running:
            await running.at_home()
            yield running


def text(company_id: int, request_id: str) -> pb.SendRequest:
    """A message to the customer."""
    return pb.SendRequest(company_id=company_id, request_id=request_id, phone_number=CUSTOMER, text=request_id)


async def sent(fleet: Fleet, request: pb.SendRequest) -> None:
    """Sends through whatever gateway is there, as often as it takes."""
    async with asyncio.timeout(30):
        while True:
            try:
                answer = await fleet.anywhere.Send(request, timeout=5)
            except grpc.aio.AioRpcError as error:
                assert error.code() in {
                    grpc.StatusCode.UNAVAILABLE,
                    grpc.StatusCode.FAILED_PRECONDITION,
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                }
                await asyncio.sleep(0.1)
            else:
                assert pb.DELIVERY_STATE_SENT <= answer.message.state <= pb.DELIVERY_STATE_READ
                return


async def logins(fleet: Fleet, company_id: int) -> list[network.Event]:
    """Logins, ends of connections and replacements of a company's device, in order."""
    answer = await fleet.emulator.ListEvents(network.ListEventsRequest(page_size=10000))
    wanted = {network.EVENT_KIND_LOGGED_IN, network.EVENT_KIND_CONNECTION_CLOSED, network.EVENT_KIND_REPLACED}
    number = salon_number(company_id)
    return [each for each in answer.events if each.kind in wanted and each.account_phone_number == number]


async def test_any_gateway_serves_any_company(fleet: Fleet) -> None:
    """Send, Health, GetSession and the lists answer alike, whoever holds the session."""
    for name, gateway in fleet.gateways.items():
        for company_id in COMPANIES:
            answer = await gateway.Send(text(company_id, f"from {name} for {company_id}".replace(" ", "-")))
            assert pb.DELIVERY_STATE_SENT <= answer.message.state <= pb.DELIVERY_STATE_READ
            health = await gateway.Health(pb.HealthRequest(company_id=company_id))
            assert health.sessions[0].sends_succeeded > 0
        told = (await gateway.Health(pb.HealthRequest())).sessions
        assert [each.session.company_id for each in told] == list(COMPANIES)
        listed = (await gateway.ListSessions(pb.ListSessionsRequest())).sessions
        assert all(each.holder and each.state == pb.SESSION_STATE_CONNECTED for each in listed)


async def test_a_call_that_was_forwarded_is_not_forwarded_again(fleet: Fleet) -> None:
    """A gateway that is not the holder says who is."""
    holder = await fleet.gateway_of(1)
    other = next(gateway for name, gateway in fleet.gateways.items() if name != holder)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await other.Send(text(1, "twice"), metadata=((MARK, "somebody"),))
    refusal = refusal_of(caught.value)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_HOLDER")
    assert refusal.metadata["company_id"] == "1"
    assert refusal.retry_after is not None


async def test_receive_on_any_gateway_serves_any_company(fleet: Fleet) -> None:
    """What customers write to three salons comes out of one stream, wherever it is opened."""
    for name, gateway in fleet.gateways.items():
        stream = gateway.Receive()
        opening = pb.OpenSubscription(subscription=f"test-{name}")
        opening.quiet_period.SetInParent()
        await stream.write(pb.ReceiveRequest(open=opening))
        await stream.read()
        for company_id in COMPANIES:
            await fleet.emulator.SendAsCustomer(
                network.SendAsCustomerRequest(
                    customer_phone_number=CUSTOMER,
                    account_phone_number=salon_number(company_id),
                    content=network.Content(text=network.TextContent(body=f"thanks {name}")),
                )
            )
        waiting = set(COMPANIES)
        async with asyncio.timeout(20):
            while waiting:
                delivery = (await stream.read()).delivery
                await stream.write(pb.ReceiveRequest(ack=pb.Ack(delivery_id=delivery.delivery_id)))
                if any(message.text == f"thanks {name}" for message in delivery.messages):
                    waiting.discard(delivery.company_id)
        stream.cancel()


async def test_no_send_is_refused_while_companies_move(fleet: Fleet) -> None:
    """A gateway restarts in order, its companies go to others and come home: callers of the others hear nothing of it,
    not even those who ask once.
    """
    restarted = await fleet.gateway_of(1)
    others = [gateway for name, gateway in fleet.gateways.items() if name != restarted]
    numbers = itertools.count()
    over = asyncio.Event()

    async def keep_sending(company_id: int) -> None:
        while not over.is_set():
            number = next(numbers)
            request = text(company_id, f"moving-{number}")
            answer = await others[number % len(others)].Send(request, timeout=30)
            assert pb.DELIVERY_STATE_SENT <= answer.message.state <= pb.DELIVERY_STATE_READ
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as senders:
        for company_id in COMPANIES:
            senders.create_task(keep_sending(company_id))
        before = await logins(fleet, 1)
        os.kill(fleet.mesh.pid_of(restarted), signal.SIGTERM)
        while len(await logins(fleet, 1)) < len(before) + 4:  # noqa: ASYNC110 - closed, logged in elsewhere, and back
            await asyncio.sleep(0.1)
        await fleet.at_home()
        over.set()
    assert_one_at_a_time(await logins(fleet, 1))


async def test_companies_survive_their_gateway(fleet: Fleet) -> None:
    """kill -9 of the gateway that holds a company: it sends again, and never had two logins at a time."""
    victim = await fleet.gateway_of(1)
    os.kill(fleet.mesh.pid_of(victim), signal.SIGKILL)
    await sent(fleet, text(1, "after-the-kill"))
    assert_one_at_a_time(await logins(fleet, 1))


async def test_a_gateway_that_slept_through_its_lease_holds_nothing(fleet: Fleet) -> None:
    """SIGSTOP for longer than the lease: another gateway takes over, and the sleeper does not fight when it wakes."""
    sleeper = await fleet.gateway_of(2)
    pid = fleet.mesh.pid_of(sleeper)
    freeze(pid)
    try:
        request = text(2, "while-it-sleeps")
        others = [gateway for name, gateway in fleet.gateways.items() if name != sleeper]
        async with asyncio.timeout(LEASE_SECONDS + 15):
            while True:
                try:
                    await others[0].Send(request, timeout=2)
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.1)
                else:
                    break
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (await fleet.gateway_of(2)) != sleeper
    for name in fleet.gateways:
        await fleet.gateways[name].Send(text(2, f"awake-{name}"), timeout=20)
    assert_one_at_a_time(await logins(fleet, 2))


def assert_one_at_a_time(log: list[network.Event]) -> None:
    """No login while another connection of the device is logged in, and none replaced."""
    held: set[int] = set()
    for event in log:
        assert event.kind != network.EVENT_KIND_REPLACED
        if event.kind == network.EVENT_KIND_CONNECTION_CLOSED:
            held.discard(event.connection)
        else:
            assert not held, f"login {event.connection} beside {held}"
            held.add(event.connection)
