"""Workers that are killed, or stopped and woken, at any call they make: to their store, to booking, to the gateway.

    town = await Town.fresh(store)
    town.hears("2")                               # the inbox has a message
    await town.served(Kill(at=5, after=True))           # workers come and die until it is answered
    assert town.postbox.texts == [...]

Booking is the production service over a database in memory. The postbox keeps `Send`'s promise: one request id is one
message, and the same id with other content is refused. Nothing waits for a clock.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import grpc
from support.booking_service import SALON_FILE, Salon, serve
from support.inline_database import InlineDatabase, empty_copy

from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.booking.v1 import booking_pb2 as booking
from wamesh.errors import AlreadyExists, MeshError
from wamesh.gateway.v1 import gateway_pb2 as gateway
from wamesh.rpc import validation
from wamesh.rpc.errors import DETAILS_KEY, code_of, status_of
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.worker.booking_client import BookingClient
from wamesh.worker.gateway_client import GatewayClient
from wamesh.worker.hold import Hold
from wamesh.worker.stores import ConversationStore
from wamesh.worker.turns import Turns

COMPANY: Final = 1
CHAT: Final = "12025550123@s.whatsapp.net"
Call = Callable[[], Awaitable[Any]]

if TYPE_CHECKING:
    from wamesh.booking.v1.booking_pb2_grpc import BookingAsyncStub
    from wamesh.gateway.v1.gateway_pb2_grpc import GatewayAsyncStub


class Killed(BaseException):
    """The process ends here; no handler of the worker may survive it."""


class Fate(Protocol):
    """What happens around each call of a worker."""

    async def around(self, name: str, call: Call) -> Any:
        """Makes the call, or does not."""


class Untouched:
    """Nothing happens."""

    async def around(self, name: str, call: Call) -> Any:
        return await call()


@dataclass
class Kill:
    """kill -9 at the call number `at`, from 0: before it, or after its effect but before its answer."""

    at: int
    after: bool
    calls: list[str] = field(default_factory=list)

    async def around(self, name: str, call: Call) -> Any:
        self.calls.append(name)
        hit = len(self.calls) == self.at + 1
        if hit and not self.after:
            raise Killed(name)
        answer = await call()
        if hit:
            raise Killed(name)
        return answer


@dataclass
class Port:
    """An object whose async methods meet their fate."""

    target: Any
    fate: Fate

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self.target, name)
        return lambda *args: self.fate.around(name, lambda: method(*args))


@dataclass
class InProcess:
    """A servicer as its stub: field rules before, refusals as status."""

    servicer: Any

    def __getattr__(self, name: str) -> Callable[[Any], Awaitable[Any]]:
        method = getattr(self.servicer, name)

        async def call(request: Any) -> Any:
            try:
                validation.check(request)
                return await method(request, None)
            except MeshError as error:
                raise _status(error) from None

        return call


def _status(error: MeshError) -> grpc.aio.AioRpcError:
    details = status_of(error, error.details).SerializeToString()
    return grpc.aio.AioRpcError(
        code_of(error), grpc.aio.Metadata(), grpc.aio.Metadata((DETAILS_KEY, details)), error.message
    )


class RequestIdReused(AlreadyExists):
    """One request id, two messages."""

    reason = "REQUEST_ID_REUSED"


@dataclass
class Postbox:
    """What was sent, in order; each request id once."""

    sent: list[gateway.SendRequest] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """What the customer read."""
        return [each.text for each in self.sent]

    async def Send(self, request: gateway.SendRequest, context: Any) -> gateway.SendResponse:
        known = next((each for each in self.sent if each.request_id == request.request_id), None)
        if known is None:
            self.sent.append(request)
        elif known != request:
            raise RequestIdReused(f"{request.request_id} was used for another message.")
        return gateway.SendResponse(message=gateway.OutgoingMessage(state=gateway.DELIVERY_STATE_SENT))


@dataclass
class Town:
    """A salon, its customer, and whoever answers."""

    store: ConversationStore
    salon: Salon
    database: InlineDatabase
    chat: str = CHAT
    postbox: Postbox = field(default_factory=Postbox)
    inbox: list[gateway.InboundMessage] = field(default_factory=list)
    heard: int = 0

    @classmethod
    async def fresh(cls, store: ConversationStore, chat: str = CHAT) -> "Town":
        """A salon without bookings; the store may be shared with the chats of other towns."""
        database = await empty_copy("booking")
        town = cls(store, serve(database, _calendar()), database, chat)
        await town.has(_calendar())
        return town

    async def has(self, calendar: Calendar) -> None:
        """The salon loads another catalogue."""
        await self.database.write(lambda: CalendarTables(self.database).replace(calendar))

    def hears(self, text: str) -> None:
        """The customer writes; it stays in the inbox until it is acked."""
        self.heard += 1
        self.inbox.append(
            gateway.InboundMessage(
                sequence=self.heard,
                message_id=f"M{self.heard}",
                sender=self.chat,
                phone_number="+12025550123",
                kind=gateway.CONTENT_KIND_TEXT,
                text=text,
            )
        )

    def delivery(self, messages: Sequence[gateway.InboundMessage] = ()) -> gateway.Delivery:
        """Of these messages, or of all that wait."""
        delivery = gateway.Delivery(delivery_id="d", company_id=COMPANY, chat=self.chat)
        delivery.messages.extend(messages or self.inbox)
        return delivery

    def worker(self, fate: Fate | None = None) -> Turns:
        """A worker that was just started."""
        fate = fate or Untouched()
        return Turns(
            cast(ConversationStore, Port(self.store, fate)),
            BookingClient(cast("BookingAsyncStub", Port(InProcess(self.salon.service), fate)), self.salon.clock),
            GatewayClient(cast("GatewayAsyncStub", Port(InProcess(self.postbox), fate))),
            self.salon.clock,
        )

    async def served(self, *fates: Fate) -> None:
        """Workers take the delivery one after the other, each with its fate, the last with none; then it is acked."""
        for fate in (*fates, Untouched()):
            try:
                await self.worker(fate).answer(self.delivery(), unhurried())
                break
            except Killed:
                continue
        self.inbox.clear()

    async def appointments(self) -> list[booking.Appointment]:
        """Every booking, cancelled ones too."""
        return list((await self.salon.bookings()).bookings)


def unhurried() -> Hold:
    """A hold that does not end, since no time passes."""
    return Hold(timedelta(seconds=60), lambda: 0.0)


@dataclass
class Stepper:
    """Two workers, one call at a time, in the order that a schedule gives: each waits before every call until it is let
    go on. `schedule` names who makes the next call, 0 or 1; when it ends, the first that still works does.
    """

    schedule: Sequence[int]
    _waiting: dict[int, asyncio.Future[None]] = field(default_factory=dict)
    _news: "asyncio.Queue[None]" = field(default_factory=asyncio.Queue)
    """One item each time that a worker comes to wait, or ends."""

    def fate(self, worker: int) -> Fate:
        """The fate of one of them."""
        return _Stepped(self, worker)

    async def run(self, *workers: Coroutine[Any, Any, None]) -> list[BaseException | None]:
        """Runs them to their ends; returns what each raised."""
        tasks = [asyncio.create_task(each) for each in workers]
        for task in tasks:
            task.add_done_callback(lambda _: self._news.put_nowait(None))
            await self._news.get()
        wanted = iter(self.schedule)
        while self._waiting:
            first = min(self._waiting)
            worker = next(wanted, first)
            self._waiting.pop(worker if worker in self._waiting else first).set_result(None)
            await self._news.get()
        return [task.exception() for task in tasks]

    async def wait(self, worker: int) -> None:
        """Until the worker may make its next call."""
        self._waiting[worker] = asyncio.get_running_loop().create_future()
        self._news.put_nowait(None)
        await self._waiting[worker]


@dataclass
class _Stepped:
    stepper: Stepper
    worker: int

    async def around(self, name: str, call: Call) -> Any:
        await self.stepper.wait(self.worker)
        return await call()


@cache
def _calendar() -> Calendar:
    return parse_catalogue(SALON_FILE.read_text())
