"""The control contract over gRPC: what a client in any language may rely on, whichever wire the network speaks."""

from collections.abc import Iterator
from typing import Literal, cast

import grpc
import pytest
from support.emulator import RunningEmulator, emulator_process, protocol_emulator, running_emulator

from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.rpc import errors as rpc_errors
from wamesh.rpc.errors import Refusal

ACCOUNT = "+12025550100"
CUSTOMER = "+12025550111"


@pytest.fixture(params=["memory", "protocol"])
def emulator(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    serving = running_emulator() if request.param == "memory" else protocol_emulator()
    with serving as emulator:
        emulator.add_account(ACCOUNT, "Salon")
        yield emulator


def test_account_is_made_once_and_renamed(emulator: RunningEmulator) -> None:
    """AddAccount is idempotent; a new name renames, an empty one does not."""
    assert emulator.add_account(ACCOUNT, "Barber").push_name == "Barber"
    assert emulator.add_account(ACCOUNT).push_name == "Barber"
    assert len(emulator.stub.ListAccounts(pb.ListAccountsRequest()).accounts) == 1


def test_unknown_account_is_not_found(emulator: RunningEmulator) -> None:
    """An account nobody made is NOT_FOUND with its reason."""
    with pytest.raises(grpc.RpcError) as caught:
        emulator.say(CUSTOMER, "+12025550199", "Hello")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert refusal_of(caught.value).reason == "ACCOUNT_NOT_FOUND"


def test_broken_rules_are_told_all_at_once(emulator: RunningEmulator) -> None:
    """A request with several wrong fields names each."""
    with pytest.raises(grpc.RpcError) as caught:
        emulator.stub.SendAsCustomer(pb.SendAsCustomerRequest(customer_phone_number="12"))
    assert {violation.field for violation in refusal_of(caught.value).violations} == {
        "customer_phone_number",
        "account_phone_number",
        "content",
    }


@pytest.mark.parametrize(
    "fault",
    [
        pb.InjectFaultRequest(kind=pb.FAULT_KIND_REFUSE_LOGIN, code=404),
        pb.InjectFaultRequest(kind=pb.FAULT_KIND_REJECT_SEND),
        pb.InjectFaultRequest(kind=pb.FAULT_KIND_DELAY_ACK),
        pb.InjectFaultRequest(),
    ],
    ids=["login code", "send code", "delay", "kind"],
)
def test_fault_without_its_details_is_refused(emulator: RunningEmulator, fault: pb.InjectFaultRequest) -> None:
    """A fault that needs a code or a delay is INVALID_ARGUMENT without one."""
    fault.account_phone_number = ACCOUNT
    with pytest.raises(grpc.RpcError) as caught:
        emulator.stub.InjectFault(fault)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_code_that_nobody_shows_is_refused(emulator: RunningEmulator) -> None:
    """A scan needs a client that shows the code."""
    with pytest.raises(grpc.RpcError) as caught:
        emulator.scan(ACCOUNT, "https://wa.me/settings/linked_devices#nobody")
    assert refusal_of(caught.value).reason == "CODE_NOT_ON_OFFER"


def test_log_is_read_in_pages(emulator: RunningEmulator) -> None:
    """Pages follow each other by cursor and filter does not lose the place."""
    for number in range(5):
        emulator.say(CUSTOMER, ACCOUNT, f"line {number}")
    request = pb.ListEventsRequest(page_size=2, filter=pb.EventFilter(kinds=[pb.EVENT_KIND_CUSTOMER_SENT]))
    texts: list[str] = []
    while page := emulator.stub.ListEvents(request).events:
        texts += [event.text for event in page]
        request.after_cursor = page[-1].cursor
    assert texts == [f"line {number}" for number in range(5)]


def test_watch_starts_where_it_is_told_and_goes_on(emulator: RunningEmulator) -> None:
    """A stream gives what happened after its cursor, and then what happens."""
    emulator.say(CUSTOMER, ACCOUNT, "before")
    cursor = emulator.events()[-1].cursor
    stream = emulator.stub.WatchEvents(pb.WatchEventsRequest(after_cursor=cursor), timeout=10)
    emulator.say(CUSTOMER, ACCOUNT, "after")
    assert next(stream).event.text == "after"
    emulator.say(CUSTOMER, ACCOUNT, "later")
    assert next(stream).event.text == "later"
    stream.cancel()


def test_customer_sees_what_the_owner_writes(emulator: RunningEmulator) -> None:
    """The owner's own message is on the customer's phone, from device 0."""
    emulator.stub.SendAsOwner(
        pb.SendAsOwnerRequest(account_phone_number=ACCOUNT, customer_phone_number=CUSTOMER, text="Hello")
    )
    (message,) = emulator.received(CUSTOMER, 1)
    assert (message.text, message.device, message.account_phone_number) == ("Hello", 0, ACCOUNT)
    assert message.content == pb.Content(text=pb.TextContent(body="Hello"))


def test_light_network_has_no_wire() -> None:
    """Only a network of the protocol tells where its wire is; a fault that needs the protocol is refused as well."""
    with running_emulator() as emulator:
        emulator.add_account(ACCOUNT)
        for ask in (emulator.trust, lambda: emulator.inject(ACCOUNT, pb.FAULT_KIND_FEW_PREKEYS)):
            with pytest.raises(grpc.RpcError) as caught:
                ask()
            assert refusal_of(caught.value).reason == "NO_WIRE"


@pytest.mark.parametrize("network", ["memory", "protocol"])
def test_network_runs_as_a_process(network: Literal["memory", "protocol"]) -> None:
    """The same contract is served by a process of its own."""
    with emulator_process(network) as emulator:
        assert emulator.add_account(ACCOUNT, "Salon").push_name == "Salon"


def refusal_of(error: grpc.RpcError) -> Refusal:
    """What a failed call says; synchronous errors read like asynchronous ones."""
    return rpc_errors.refusal_of(cast(grpc.aio.AioRpcError, error))
