"""The worker's stream: takes deliveries from `Gateway.Receive`, has them answered, and acks.

Owns the stream and its loss: reconnects with growing, jittered delay, and never before the deliveries of the lost
stream have come to rest, so that a conversation is answered by one task at a time. Asks for more time while a delivery
takes long; one whose time ran out all the same (this process was stopped) ends at its next step. Refuses to know the
dialogue. Invariant: a delivery is acked only after its replies are sent, or when nobody will ever be able to answer it.
"""

import asyncio
import random
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Final

import grpc
import structlog

from wamesh.clock import Clock, utc_now
from wamesh.errors import Unavailable
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.worker.failures import CompanyUnknown, TryLater, patience
from wamesh.worker.gateway_client import GatewayClient
from wamesh.worker.hold import DeliveryLost, Hold
from wamesh.worker.stores import TurnTaken

FIRST_DELAY_SECONDS: Final = 0.2
LONGEST_DELAY_SECONDS: Final = 5.0
ACK_DEADLINE: Final = timedelta(seconds=60)
EXTEND_EVERY_SECONDS: Final = 20.0
_CLOSE_SECONDS: Final = 2.0

_log = structlog.get_logger("worker")

Answer = Callable[[pb.Delivery, Hold], Awaitable[None]]
Requests = asyncio.Queue[pb.ReceiveRequest | None]


@dataclass(slots=True)
class _Backoff:
    """Delays that double from FIRST to LONGEST, each cut by up to half at random."""

    seconds: float = FIRST_DELAY_SECONDS

    def reset(self) -> None:
        self.seconds = FIRST_DELAY_SECONDS

    def next(self) -> float:
        delay, self.seconds = self.seconds, min(self.seconds * 2, LONGEST_DELAY_SECONDS)
        return delay * random.uniform(0.5, 1)


@dataclass(slots=True)
class Runner:
    """Keeps one subscription open until it is told to stop."""

    gateway: GatewayClient
    answer: Answer
    subscription: str
    max_conversations: int = 16
    quiet_period: timedelta = timedelta(seconds=3)
    drain_seconds: float = 10.0
    clock: Clock = utc_now
    receiving: bool = field(default=False, init=False)
    """Whether the subscription is open now."""
    _backoff: _Backoff = field(default_factory=_Backoff)

    async def run(self, stop: asyncio.Event) -> None:
        """Serves until `stop`; then finishes what it has begun, within `drain_seconds`, and leaves the stream."""
        while not stop.is_set():
            try:
                await _Stream(self, stop).serve()
            except grpc.aio.AioRpcError as error:
                _log.warning("stream_lost", code=error.code().name, message=error.details())
            await _wait(stop, self._backoff.next())

    def opened(self) -> None:
        """The gateway has opened the subscription."""
        self._backoff.reset()
        self.receiving = True
        _log.info("receiving", subscription=self.subscription)

    def opening(self) -> pb.ReceiveRequest:
        """The first message of a stream."""
        opening = pb.OpenSubscription(subscription=self.subscription, max_conversations=self.max_conversations)
        opening.quiet_period.FromTimedelta(self.quiet_period)
        opening.ack_deadline.FromTimedelta(ACK_DEADLINE)
        return pb.ReceiveRequest(open=opening)


class _Stream:
    """One stream, from opening to loss or stop."""

    def __init__(self, runner: Runner, stop: asyncio.Event) -> None:
        self._runner = runner
        self._stop = stop
        self._requests: Requests = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Returns when stopped, or when the gateway ended the stream; raises AioRpcError when it was lost."""
        call = self._runner.gateway.stub.Receive(self._outgoing())
        reading = asyncio.ensure_future(self._read(call))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((reading, stopping), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        finally:
            stopping.cancel()
            self._runner.receiving = False
            await self._rest(reading)
            call.cancel()

    async def _rest(self, reading: asyncio.Task[None]) -> None:
        """Lets the deliveries come to rest and their acks out; what outlasts a drain is left to its redelivery."""
        overdue = asyncio.create_task(self._overdue())
        resting = asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.wait((overdue, resting), return_when=asyncio.FIRST_COMPLETED)
        for each in (overdue, *self._tasks):
            each.cancel()
        await asyncio.gather(overdue, resting, return_exceptions=True)
        self._requests.put_nowait(None)
        await asyncio.wait((reading,), timeout=_CLOSE_SECONDS)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    async def _overdue(self) -> None:
        await self._stop.wait()
        await asyncio.sleep(self._runner.drain_seconds)

    async def _outgoing(self) -> AsyncIterator[pb.ReceiveRequest]:
        yield self._runner.opening()
        while (request := await self._requests.get()) is not None:
            yield request

    async def _read(self, call: AsyncIterable[pb.ReceiveResponse]) -> None:
        async for response in call:
            if response.HasField("opened"):
                self._runner.opened()
            elif response.HasField("delivery") and not self._stop.is_set():
                task = asyncio.create_task(self._handle(response.delivery))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _handle(self, delivery: pb.Delivery) -> None:
        """Answers one delivery, asking for more time while it takes long, and acks or nacks it."""
        hold = Hold(ACK_DEADLINE)
        answering = asyncio.create_task(self._verdict(delivery, hold))
        try:
            while not (await asyncio.wait((answering,), timeout=EXTEND_EVERY_SECONDS))[0]:
                if hold.extend():
                    self._requests.put_nowait(_extend(delivery))
            self._requests.put_nowait(answering.result())
        finally:
            answering.cancel()

    async def _verdict(self, delivery: pb.Delivery, hold: Hold) -> pb.ReceiveRequest:
        log = _log.bind(company_id=delivery.company_id, attempt=delivery.attempt)
        try:
            await self._runner.answer(delivery, hold)
        except CompanyUnknown:
            log.error("company_unknown", action="load its calendar with wamesh seed; its customers get no answer")
        except TryLater as later:
            log.warning("try_later", why=str(later))
            return _nack(delivery, self._delay(delivery, later.retry_after), uncounted=later.away)
        except Unavailable as away:  # the worker's own database
            log.warning("try_later", why=away.message)
            return _nack(delivery, self._delay(delivery, away.retry_after), uncounted=True)
        except (TurnTaken, DeliveryLost) as lost:
            log.info("left_to_another", why=str(lost))
            return _nack(delivery, None)
        except Exception:  # one broken conversation must not end the others
            log.exception("delivery_failed")
            return _nack(delivery, None)
        return pb.ReceiveRequest(ack=pb.Ack(delivery_id=delivery.delivery_id))

    def _delay(self, delivery: pb.Delivery, wish: timedelta | None) -> timedelta | None:
        if wish is None:
            return None
        newest = delivery.messages[-1].receive_time.ToDatetime(UTC)
        return patience(wish, self._runner.clock() - newest)


def _extend(delivery: pb.Delivery) -> pb.ReceiveRequest:
    """Begins the delivery's ack deadline anew."""
    extend = pb.ExtendAck(delivery_id=delivery.delivery_id)
    extend.ack_deadline.FromTimedelta(ACK_DEADLINE)
    return pb.ReceiveRequest(extend=extend)


def _nack(delivery: pb.Delivery, retry_after: timedelta | None, uncounted: bool = False) -> pb.ReceiveRequest:
    """Gives the delivery back; without a wish the gateway delays it, longer each time."""
    nack = pb.Nack(delivery_id=delivery.delivery_id, uncounted=uncounted)
    if retry_after is not None:
        nack.retry_delay.FromTimedelta(retry_after)
    return pb.ReceiveRequest(nack=nack)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    """Returns after so long, or at once when stopped."""
    if not stop.is_set():
        waiting = asyncio.ensure_future(stop.wait())
        await asyncio.wait((waiting,), timeout=seconds)
        waiting.cancel()
