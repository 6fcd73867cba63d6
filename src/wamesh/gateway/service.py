"""`wamesh.gateway.v1.Gateway`: each rpc turned into one call of a room, and its result into a message.

Owns: no state and no decision. Refuses: what the field rules cannot see (an impossible phone number, a page token that
no page gave, a stream that does not open). The interceptor has checked every request before it comes here, and turns
the rooms' refusals into statuses.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

from wamesh.clock import Clock
from wamesh.errors import InvalidArgument, Violation
from wamesh.gateway import wire
from wamesh.gateway.event_feed import EventFeed, Start
from wamesh.gateway.event_log import Position
from wamesh.gateway.health import SendLog, health_of
from wamesh.gateway.inbox.feed import Consumer
from wamesh.gateway.inbox.inbox import Inbox
from wamesh.gateway.message_errors import StreamNotOpened
from wamesh.gateway.message_history import MessageHistory, Place
from wamesh.gateway.outbox.outbox import Outbox
from wamesh.gateway.phone_numbers import to_e164
from wamesh.gateway.sessions import Sessions, SessionSnapshot
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.gateway.v1 import gateway_pb2_grpc

_PAGE_SIZE = 100
_DIGITS = 18  # what every database takes for an integer
Everywhere: TypeAlias = Callable[[], Awaitable[list[SessionSnapshot]]]


class GatewayService(gateway_pb2_grpc.GatewayServicer):
    """The servicer."""

    def __init__(
        self,
        sessions: Sessions,
        inbox: Inbox,
        outbox: Outbox,
        history: MessageHistory,
        events: EventFeed,
        send_log: SendLog,
        clock: Clock,
        everywhere: Everywhere | None = None,
    ) -> None:
        """`everywhere` tells the sessions of all gateways; without it this one is alone."""
        self._sessions = sessions
        self._everywhere = everywhere
        self._inbox = inbox
        self._outbox = outbox
        self._history = history
        self._events = events
        self._send_log = send_log
        self._clock = clock

    async def Send(self, request: pb.SendRequest, context: Any) -> pb.SendResponse:
        """Sends one text."""
        message = await self._outbox.send(wire.draft(request))
        return pb.SendResponse(message=wire.outgoing_message(message))

    async def GetMessage(self, request: pb.GetMessageRequest, context: Any) -> pb.GetMessageResponse:
        """Reads one outgoing message."""
        message = await self._outbox.get(request.company_id, request.request_id)
        return pb.GetMessageResponse(message=wire.outgoing_message(message))

    async def CancelMessage(self, request: pb.CancelMessageRequest, context: Any) -> pb.CancelMessageResponse:
        """Takes one outgoing message back."""
        message = await self._outbox.cancel(request.company_id, request.request_id)
        return pb.CancelMessageResponse(message=wire.outgoing_message(message))

    async def ListMessages(self, request: pb.ListMessagesRequest, context: Any) -> pb.ListMessagesResponse:
        """Lists messages of both directions."""
        before, size = Place.parse(request.page_token), request.page_size or _PAGE_SIZE
        page = await self._history.page(wire.history_filter(request), before, size)
        token = "" if page.next is None else str(page.next)
        return pb.ListMessagesResponse(
            messages=[wire.listed_message(each) for each in page.messages], next_page_token=token
        )

    async def Health(self, request: pb.HealthRequest, context: Any) -> pb.HealthResponse:
        """Reads recorded facts."""
        now = self._clock()
        one = [self._sessions.snapshot(request.company_id)] if request.HasField("company_id") else None
        facts = [
            health_of(each, self._send_log.lately(each.company_id, now), now)
            for each in (await self._all() if one is None else one)
        ]
        return pb.HealthResponse(
            sessions=[wire.session_health(each) for each in facts], evaluate_time=wire.timestamp(now)
        )

    async def ListSessions(self, request: pb.ListSessionsRequest, context: Any) -> pb.ListSessionsResponse:
        """Lists sessions after the company that the token names."""
        after = _number_in(request.page_token)
        size = request.page_size or _PAGE_SIZE
        rest = [each for each in await self._all() if each.company_id > after]
        page = rest[:size]
        token = f"after-{page[-1].company_id}" if len(rest) > size else ""
        return pb.ListSessionsResponse(sessions=[wire.session(each) for each in page], next_page_token=token)

    async def GetSession(self, request: pb.GetSessionRequest, context: Any) -> pb.GetSessionResponse:
        """Reads one session."""
        return pb.GetSessionResponse(session=wire.session(self._sessions.snapshot(request.company_id)))

    async def StartSession(self, request: pb.StartSessionRequest, context: Any) -> pb.StartSessionResponse:
        """Starts one session."""
        return pb.StartSessionResponse(session=wire.session(await self._sessions.start(request.company_id)))

    async def StopSession(self, request: pb.StopSessionRequest, context: Any) -> pb.StopSessionResponse:
        """Stops one session."""
        return pb.StopSessionResponse(session=wire.session(await self._sessions.stop(request.company_id)))

    async def Reconnect(self, request: pb.ReconnectRequest, context: Any) -> pb.ReconnectResponse:
        """Connects one session again."""
        return pb.ReconnectResponse(session=wire.session(await self._sessions.reconnect(request.company_id)))

    async def Logout(self, request: pb.LogoutRequest, context: Any) -> pb.LogoutResponse:
        """Unlinks one session's device."""
        return pb.LogoutResponse(session=wire.session(await self._sessions.logout(request.company_id)))

    async def Pair(self, request: pb.PairRequest, context: Any) -> AsyncIterator[pb.PairResponse]:
        """Streams the steps of a pairing."""
        number = to_e164(request.phone_number) if request.phone_number else None
        async with aclosing(self._sessions.pair(request.company_id, number)) as steps:
            async for event in steps:
                yield wire.pairing_step(event, self._clock(), lambda: self._sessions.snapshot(request.company_id))

    async def Receive(
        self, request_iterator: AsyncIterator[pb.ReceiveRequest], context: Any
    ) -> AsyncIterator[pb.ReceiveResponse]:
        """Streams deliveries, and takes their acks."""
        opening = await anext(request_iterator, None)
        if opening is None or opening.WhichOneof("request") != "open":
            raise StreamNotOpened("must be the first message of the stream")
        terms = wire.terms(opening.open)
        async with self._inbox.open(terms) as consumer:
            yield pb.ReceiveResponse(opened=pb.SubscriptionOpened(subscription=wire.subscription(terms)))
            answers = asyncio.create_task(_take_answers(request_iterator, consumer))
            try:
                while (claim := await consumer.next()) is not None:
                    yield pb.ReceiveResponse(delivery=wire.delivery(claim))
                await answers
            finally:
                answers.cancel()

    async def ListSubscriptions(
        self, request: pb.ListSubscriptionsRequest, context: Any
    ) -> pb.ListSubscriptionsResponse:
        """Lists subscriptions."""
        found, now = await self._inbox.subscriptions(), self._clock()
        return pb.ListSubscriptionsResponse(subscriptions=[wire.subscription_progress(each, now) for each in found])

    async def DeleteSubscription(
        self, request: pb.DeleteSubscriptionRequest, context: Any
    ) -> pb.DeleteSubscriptionResponse:
        """Forgets one subscription."""
        await self._inbox.delete(request.subscription)
        return pb.DeleteSubscriptionResponse()

    async def ListDeadLetters(self, request: pb.ListDeadLettersRequest, context: Any) -> pb.ListDeadLettersResponse:
        """Lists dead letters after the message that the token names."""
        after, size = _number_in(request.page_token), request.page_size or _PAGE_SIZE
        company_id = request.company_id if request.HasField("company_id") else None
        found = await self._inbox.dead_letters(request.subscription, size + 1, after=after, company_id=company_id)
        page = found[:size]
        token = f"after-{page[-1].sequence}" if len(found) > size else ""
        return pb.ListDeadLettersResponse(dead_letters=[wire.dead_letter(each) for each in page], next_page_token=token)

    async def ReplayDeadLetters(
        self, request: pb.ReplayDeadLettersRequest, context: Any
    ) -> pb.ReplayDeadLettersResponse:
        """Delivers dead letters again."""
        company_id = request.company_id if request.HasField("company_id") else None
        replayed = await self._inbox.replay(request.subscription, company_id, request.chat)
        return pb.ReplayDeadLettersResponse(replayed=replayed)

    async def WatchEvents(self, request: pb.WatchEventsRequest, context: Any) -> AsyncIterator[pb.WatchEventsResponse]:
        """Streams what changes."""
        async with self._events.open(_start(request), request.company_ids) as watch:
            yield pb.WatchEventsResponse(opened_cursor=str(watch.opened))
            async for each in watch.events:
                yield pb.WatchEventsResponse(event=wire.event(each))

    async def _all(self) -> list[SessionSnapshot]:
        return self._sessions.snapshots() if self._everywhere is None else await self._everywhere()


async def _take_answers(requests: AsyncIterator[pb.ReceiveRequest], consumer: Consumer) -> None:
    """Carries out what the client says, side by side so that many acks share one commit, until it says no more."""
    try:
        async with asyncio.TaskGroup() as answers:
            async for request in requests:
                answers.create_task(_answer(request, consumer))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        consumer.finish()


async def _answer(request: pb.ReceiveRequest, consumer: Consumer) -> None:
    match request.WhichOneof("request"):
        case "ack":
            await consumer.ack(request.ack.delivery_id)
        case "nack":
            given = request.nack.HasField("retry_delay")
            delay = request.nack.retry_delay.ToTimedelta() if given else None
            await consumer.nack(request.nack.delivery_id, delay, counted=not request.nack.uncounted)
        case "extend":
            await consumer.extend(request.extend.delivery_id, request.extend.ack_deadline.ToTimedelta())
        case _:
            raise StreamNotOpened("must be the first message of the stream, once")


def _start(request: pb.WatchEventsRequest) -> Start:
    """Where the stream begins. Raises CursorUnknown."""
    match request.WhichOneof("start"):
        case "after_cursor":
            return Position.parse(request.after_cursor)
        case "from_earliest":
            return "earliest"
        case _:
            return "latest"


def _number_in(page_token: str) -> int:
    """The company or message that the page before ended with; 0 for the first page."""
    if not page_token:
        return 0
    word, _, number = page_token.partition("-")
    if word != "after" or not number.isascii() or not number.isdigit() or len(number) > _DIGITS:
        raise InvalidArgument([Violation("page_token", "must be the next_page_token of an earlier page")])
    return int(number)
