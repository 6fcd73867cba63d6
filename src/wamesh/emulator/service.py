"""The control contract as a gRPC servicer: each rpc is one call of the network, or a stream over one of its
logs. What a call changed outlives the process before the call is answered.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeVar

import grpc

from wamesh.emulator.control import Network
from wamesh.emulator.log import Log
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.v1 import emulator_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]
T = TypeVar("T")

DEFAULT_PAGE_SIZE: Final = 1000
_EVENTS_A_TURN: Final = 1000


class EmulatorService(emulator_pb2_grpc.EmulatorServicer):
    """Drives and observes one network, on the network's own event loop."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def GetWire(self, request: pb.GetWireRequest, context: Context) -> pb.GetWireResponse:
        return self._network.wire()

    async def AddAccount(self, request: pb.AddAccountRequest, context: Context) -> pb.AddAccountResponse:
        account = self._network.add_account(request.phone_number, request.push_name)
        self._network.commit()
        return pb.AddAccountResponse(account=account)

    async def ListAccounts(self, request: pb.ListAccountsRequest, context: Context) -> pb.ListAccountsResponse:
        return pb.ListAccountsResponse(accounts=self._network.accounts())

    async def ScanQr(self, request: pb.ScanQrRequest, context: Context) -> pb.ScanQrResponse:
        device = 0
        if request.refuse:
            self._network.refuse(request.phone_number, request.code)
        else:
            device = await self._network.scan(request.phone_number, request.code)
        self._network.commit()
        return pb.ScanQrResponse(device=device)

    async def EnterPairCode(self, request: pb.EnterPairCodeRequest, context: Context) -> pb.EnterPairCodeResponse:
        device = await self._network.enter_pair_code(request.phone_number, request.code)
        self._network.commit()
        return pb.EnterPairCodeResponse(device=device)

    async def SendAsCustomer(self, request: pb.SendAsCustomerRequest, context: Context) -> pb.SendAsCustomerResponse:
        message_id = self._network.send_as_customer(request)
        self._network.commit()
        return pb.SendAsCustomerResponse(message_id=message_id)

    async def SendAsOwner(self, request: pb.SendAsOwnerRequest, context: Context) -> pb.SendAsOwnerResponse:
        account, customer = request.account_phone_number, request.customer_phone_number
        message_id = self._network.send_as_owner(account, customer, request.text)
        self._network.commit()
        return pb.SendAsOwnerResponse(message_id=message_id)

    async def ReadAsCustomer(self, request: pb.ReadAsCustomerRequest, context: Context) -> pb.ReadAsCustomerResponse:
        read_count = self._network.read_as_customer(request.customer_phone_number, request.account_phone_number)
        self._network.commit()
        return pb.ReadAsCustomerResponse(read_count=read_count)

    async def TypeAsCustomer(self, request: pb.TypeAsCustomerRequest, context: Context) -> pb.TypeAsCustomerResponse:
        customer, account = request.customer_phone_number, request.account_phone_number
        self._network.type_as_customer(customer, account, typing=request.typing)
        return pb.TypeAsCustomerResponse()

    async def WatchCustomer(
        self, request: pb.WatchCustomerRequest, context: Context
    ) -> AsyncIterator[pb.WatchCustomerResponse]:
        mailbox = self._network.mailbox(request.customer_phone_number)
        async for message in _follow(mailbox, request.after_cursor, self._network.commit):
            yield pb.WatchCustomerResponse(message=message)

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        self._network.commit()
        log, response = self._network.log, pb.ListEventsResponse(next_cursor=request.after_cursor)
        for event in log.after(request.after_cursor):
            if event.cursor % _EVENTS_A_TURN == 0:
                await asyncio.sleep(0)  # the network goes on while somebody searches it
            if len(response.events) == (request.page_size or DEFAULT_PAGE_SIZE):
                break
            response.next_cursor = event.cursor
            if admits(request.filter, event):
                response.events.append(event)
        return response

    async def WatchEvents(
        self, request: pb.WatchEventsRequest, context: Context
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        async for event in _follow(self._network.log, request.after_cursor, self._network.commit):
            if admits(request.filter, event):
                yield pb.WatchEventsResponse(event=event)

    async def InjectFault(self, request: pb.InjectFaultRequest, context: Context) -> pb.InjectFaultResponse:
        self._network.inject(request)
        self._network.commit()
        return pb.InjectFaultResponse()

    async def ClearFaults(self, request: pb.ClearFaultsRequest, context: Context) -> pb.ClearFaultsResponse:
        self._network.clear_faults(request.account_phone_number)
        return pb.ClearFaultsResponse()


def admits(wanted: pb.EventFilter, event: pb.Event) -> bool:
    """True when the event matches every given field of the filter."""
    return (
        (not wanted.kinds or event.kind in wanted.kinds)
        and wanted.account_phone_number in ("", event.account_phone_number)
        and wanted.customer_phone_number in ("", event.customer_phone_number)
    )


async def _follow(log: Log[T], cursor: int, commit: Callable[[], None]) -> AsyncIterator[T]:
    """Yields what stands behind `cursor` and then each new item, for ever; what was yielded outlives the process."""
    grown = asyncio.Event()
    with log.listening(grown.set):
        while True:
            grown.clear()
            commit()
            for item in log.after(cursor):
                cursor += 1
                yield item
            await grown.wait()
