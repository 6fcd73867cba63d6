"""The control contract as a gRPC servicer: each rpc is one call of the network, or a stream over one of its
logs.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, TypeVar

import grpc

from wamesh.emulator.event_log import timestamp
from wamesh.emulator.log import Log
from wamesh.emulator.memory.network import MemoryNetwork
from wamesh.emulator.memory.people import Account
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.v1 import emulator_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]
T = TypeVar("T")

DEFAULT_PAGE_SIZE: Final = 1000


class EmulatorService(emulator_pb2_grpc.EmulatorServicer):
    """Drives and observes one network, on the network's own event loop."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network

    async def AddAccount(self, request: pb.AddAccountRequest, context: Context) -> pb.AddAccountResponse:
        account = self._network.add_account(request.phone_number, request.push_name)
        return pb.AddAccountResponse(account=as_proto(account))

    async def ListAccounts(self, request: pb.ListAccountsRequest, context: Context) -> pb.ListAccountsResponse:
        accounts = sorted(self._network.accounts.values(), key=lambda account: account.phone_number)
        return pb.ListAccountsResponse(accounts=[as_proto(account) for account in accounts])

    async def ScanQr(self, request: pb.ScanQrRequest, context: Context) -> pb.ScanQrResponse:
        if request.refuse:
            self._network.refuse(request.phone_number, request.code)
            return pb.ScanQrResponse()
        return pb.ScanQrResponse(device=self._network.scan(request.phone_number, request.code).number)

    async def EnterPairCode(self, request: pb.EnterPairCodeRequest, context: Context) -> pb.EnterPairCodeResponse:
        device = self._network.enter_pair_code(request.phone_number, request.code)
        return pb.EnterPairCodeResponse(device=device.number)

    async def SendAsCustomer(self, request: pb.SendAsCustomerRequest, context: Context) -> pb.SendAsCustomerResponse:
        account = self._network.account(request.account_phone_number)
        return pb.SendAsCustomerResponse(message_id=self._network.post.from_customer(account, request))

    async def SendAsOwner(self, request: pb.SendAsOwnerRequest, context: Context) -> pb.SendAsOwnerResponse:
        account = self._network.account(request.account_phone_number)
        message_id = self._network.post.from_owner(account, request.customer_phone_number, request.text)
        return pb.SendAsOwnerResponse(message_id=message_id)

    async def ReadAsCustomer(self, request: pb.ReadAsCustomerRequest, context: Context) -> pb.ReadAsCustomerResponse:
        account = self._network.account(request.account_phone_number)
        read_count = self._network.post.read(account, request.customer_phone_number)
        return pb.ReadAsCustomerResponse(read_count=read_count)

    async def WatchCustomer(
        self, request: pb.WatchCustomerRequest, context: Context
    ) -> AsyncIterator[pb.WatchCustomerResponse]:
        mailbox = self._network.post.customer(request.customer_phone_number).mailbox
        async for message in _follow(mailbox, request.after_cursor):
            yield pb.WatchCustomerResponse(message=message)

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        log, response = self._network.log, pb.ListEventsResponse(next_cursor=request.after_cursor)
        for event in log.after(request.after_cursor):
            if len(response.events) == (request.page_size or DEFAULT_PAGE_SIZE):
                break
            response.next_cursor = event.cursor
            if admits(request.filter, event):
                response.events.append(event)
        return response

    async def WatchEvents(
        self, request: pb.WatchEventsRequest, context: Context
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        async for event in _follow(self._network.log, request.after_cursor):
            if admits(request.filter, event):
                yield pb.WatchEventsResponse(event=event)

    async def InjectFault(self, request: pb.InjectFaultRequest, context: Context) -> pb.InjectFaultResponse:
        self._network.inject(request)
        return pb.InjectFaultResponse()

    async def ClearFaults(self, request: pb.ClearFaultsRequest, context: Context) -> pb.ClearFaultsResponse:
        self._network.account(request.account_phone_number).faults.clear()
        return pb.ClearFaultsResponse()


def admits(wanted: pb.EventFilter, event: pb.Event) -> bool:
    """True when the event matches every given field of the filter."""
    return (
        (not wanted.kinds or event.kind in wanted.kinds)
        and wanted.account_phone_number in ("", event.account_phone_number)
        and wanted.customer_phone_number in ("", event.customer_phone_number)
    )


def as_proto(account: Account) -> pb.Account:
    """The account as the contract shows it."""
    devices = [
        pb.Device(
            number=device.number,
            connected=device.connection is not None,
            link_time=timestamp(device.link_time),
            pending_count=len(device.pending),
        )
        for device in account.devices.values()
    ]
    return pb.Account(
        phone_number=account.phone_number, lid=str(account.lid), push_name=account.push_name, devices=devices
    )


async def _follow(log: Log[T], cursor: int) -> AsyncIterator[T]:
    """Yields what stands behind `cursor` and then each new item, for ever."""
    grown = asyncio.Event()
    with log.listening(grown.set):
        while True:
            grown.clear()
            for item in log.after(cursor):
                cursor += 1
                yield item
            await grown.wait()
