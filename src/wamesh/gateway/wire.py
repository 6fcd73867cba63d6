"""Between the rooms' values and the messages of `wamesh.gateway.v1`.

Owns: the conversions, and the defaults that the contract promises for absent fields. Refuses: to act. Invariant: an
enum value of a room has the contract's name without its prefix, so a value that the contract lacks fails loudly.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal, assert_never

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from wamesh.gateway.event_log import LoggedEvent
from wamesh.gateway.health import SessionHealth
from wamesh.gateway.message_history import Direction, HistoryFilter, ListedMessage
from wamesh.gateway.messages import (
    Claim,
    DeadLetter,
    DeliveryState,
    Draft,
    OutboxMessage,
    StoredMessage,
    SubscriptionProgress,
    Terms,
)
from wamesh.gateway.phone_numbers import to_e164
from wamesh.gateway.sessions import PairingEvent, SessionSnapshot
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.whatsapp.events import PairCodeIssued, Paired, PairingFailed, PairingFailure, QrIssued
from wamesh.whatsapp.jid import Jid

_AFTER_FAILED_PAIRING = {
    PairingFailure.TIMED_OUT: "Nobody scanned a code in time; start Pair again and scan at once.",
    PairingFailure.REFUSED: "The phone refused the link; start Pair again.",
    PairingFailure.CANCELLED: "The pairing was cancelled; start Pair again.",
    PairingFailure.OUTDATED: "WhatsApp refuses this client version; upgrade wamesh, then start Pair again.",
    PairingFailure.UNAVAILABLE: "WhatsApp could not be reached; check the network, then start Pair again.",
}


def timestamp(moment: datetime) -> Timestamp:
    """The moment as protobuf has it."""
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def duration(span: timedelta) -> Duration:
    """The span as protobuf has it."""
    message = Duration()
    message.FromTimedelta(span)
    return message


def draft(request: pb.SendRequest) -> Draft:
    """What Send asks for. Raises PhoneNumberImpossible."""
    if request.WhichOneof("recipient") == "phone_number":
        chat = Jid.of_phone_number(to_e164(request.phone_number))
    else:
        chat = Jid.parse(request.chat)
    return Draft(
        company_id=request.company_id,
        request_id=request.request_id,
        chat=chat,
        text=request.text,
        quoted_message_id=request.quoted_message_id,
        queueable=request.queue_while_disconnected,
        at_least_once=request.guarantee == pb.GUARANTEE_AT_LEAST_ONCE,
        schedule_time=_moment(request, "schedule_time"),
        expire_time=_moment(request, "expire_time"),
    )


def _moment(request: pb.SendRequest, field: Literal["schedule_time", "expire_time"]) -> datetime | None:
    """A Timestamp field in whole microseconds, None when it is absent."""
    if not request.HasField(field):
        return None
    stamp: Timestamp = getattr(request, field)
    return stamp.ToDatetime(UTC)


def outgoing_message(message: OutboxMessage) -> pb.OutgoingMessage:
    """A row of the outbox, without its secret."""
    return pb.OutgoingMessage(
        company_id=message.company_id,
        request_id=message.request_id,
        chat=str(message.chat),
        text=message.text,
        state=pb.DeliveryState.Value(f"DELIVERY_STATE_{message.state.value}"),
        message_id=message.message_id,
        failure=message.failure,
        create_time=timestamp(message.create_time),
        update_time=timestamp(message.update_time),
        quoted_message_id=message.quoted_message_id,
        guarantee=pb.GUARANTEE_AT_LEAST_ONCE if message.at_least_once else pb.GUARANTEE_AT_MOST_ONCE,
        schedule_time=None if message.schedule_time is None else timestamp(message.schedule_time),
        expire_time=None if message.expire_time is None else timestamp(message.expire_time),
    )


def history_filter(request: pb.ListMessagesRequest) -> HistoryFilter:
    """Which messages ListMessages asks for."""
    direction = pb.MessageDirection.Name(request.direction).removeprefix("MESSAGE_DIRECTION_")
    states = (pb.DeliveryState.Name(each).removeprefix("DELIVERY_STATE_") for each in request.states)
    return HistoryFilter(
        company_id=request.company_id,
        chat=Jid.parse(request.chat) if request.chat else None,
        direction=Direction(direction) if request.direction else None,
        states=frozenset(map(DeliveryState, states)),
    )


def listed_message(listed: ListedMessage) -> pb.Message:
    """A message of either direction."""
    if isinstance(listed.message, OutboxMessage):
        return pb.Message(chat=listed.conversation, outgoing=outgoing_message(listed.message))
    return pb.Message(chat=listed.conversation, inbound=_inbound_message(listed.message))


def event(logged: LoggedEvent) -> pb.Event:
    """A change of a session or of an outgoing message."""
    told = pb.Event(cursor=str(logged.position), company_id=logged.company_id, event_time=timestamp(logged.time))
    if isinstance(logged.change, OutboxMessage):
        told.message.CopyFrom(outgoing_message(logged.change))
    else:
        told.session.CopyFrom(session(logged.change))
    return told


def session(snapshot: SessionSnapshot) -> pb.Session:
    """What is recorded about a session."""
    return pb.Session(
        company_id=snapshot.company_id,
        state=pb.SessionState.Value(f"SESSION_STATE_{snapshot.state.value}"),
        reason=snapshot.reason.value,
        since_time=timestamp(snapshot.since),
        retry_time=None if snapshot.retry_time is None else timestamp(snapshot.retry_time),
        action=snapshot.action,
        phone_number=snapshot.phone_number,
        device=snapshot.device,
        holder=snapshot.holder,
        epoch=snapshot.epoch,
    )


def session_health(health: SessionHealth) -> pb.SessionHealth:
    """The health of a session."""
    return pb.SessionHealth(
        session=session(health.session),
        last_inbound_age=None if health.last_inbound_age is None else duration(health.last_inbound_age),
        last_ack_age=None if health.last_ack_age is None else duration(health.last_ack_age),
        sends_finished=health.sends.finished,
        sends_succeeded=health.sends.succeeded,
    )


def pairing_step(event: PairingEvent, now: datetime, snapshot: Callable[[], SessionSnapshot]) -> pb.PairResponse:
    """One step of a pairing; `snapshot` tells of the session after a successful one."""
    match event:
        case QrIssued(code=code, valid_for=valid_for):
            return pb.PairResponse(qr_code=pb.QrCode(code=code, expire_time=timestamp(now + valid_for)))
        case PairCodeIssued(code=code):
            return pb.PairResponse(pair_code=pb.PairCode(code=code))
        case Paired():
            return pb.PairResponse(paired=pb.Paired(session=session(snapshot())))
        case PairingFailed(reason=reason):
            failed = pb.PairingFailed(reason=reason.value, action=_AFTER_FAILED_PAIRING[reason])
            return pb.PairResponse(failed=failed)
        case _:
            assert_never(event)


def terms(request: pb.OpenSubscription) -> Terms:
    """How the client wants to be served, defaults filled in."""
    default = Terms(request.subscription)
    return Terms(
        subscription=request.subscription,
        max_conversations=request.max_conversations or default.max_conversations,
        quiet_period=request.quiet_period.ToTimedelta() if request.HasField("quiet_period") else default.quiet_period,
        max_wait=request.max_wait.ToTimedelta() if request.HasField("max_wait") else default.max_wait,
        max_messages=request.max_messages or default.max_messages,
        ack_deadline=request.ack_deadline.ToTimedelta() if request.HasField("ack_deadline") else default.ack_deadline,
        max_attempts=request.max_attempts or default.max_attempts,
        company_ids=frozenset(request.company_ids),
    )


def subscription(terms: Terms) -> pb.OpenSubscription:
    """The terms as the client is told them."""
    return pb.OpenSubscription(
        subscription=terms.subscription,
        max_conversations=terms.max_conversations,
        quiet_period=duration(terms.quiet_period),
        max_wait=duration(terms.max_wait),
        max_messages=terms.max_messages,
        ack_deadline=duration(terms.ack_deadline),
        max_attempts=terms.max_attempts,
        company_ids=sorted(terms.company_ids),
    )


def subscription_progress(progress: SubscriptionProgress, now: datetime) -> pb.Subscription:
    """How far behind a subscription is at this moment."""
    oldest = progress.oldest_pending_time
    return pb.Subscription(
        subscription=progress.subscription,
        pending_conversations=progress.pending_conversations,
        oldest_pending_age=None if oldest is None else duration(max(now - oldest, timedelta(0))),
        dead_letters=progress.dead_letters,
        quiet_period=duration(progress.quiet_period),
        max_wait=duration(progress.max_wait),
        max_messages=progress.max_messages,
    )


def dead_letter(letter: DeadLetter) -> pb.DeadLetter:
    """A message that a subscription gave up on."""
    return pb.DeadLetter(
        company_id=letter.company_id,
        chat=letter.conversation,
        message=_inbound_message(letter.stored),
        attempts=letter.attempts,
        bury_time=timestamp(letter.bury_time),
        replaying=letter.replaying,
    )


def delivery(claim: Claim) -> pb.Delivery:
    """A batch as the client gets it."""
    return pb.Delivery(
        delivery_id=claim.delivery_id,
        company_id=claim.company_id,
        chat=claim.conversation,
        messages=[_inbound_message(each) for each in claim.messages],
        attempt=claim.attempt,
        ack_time=timestamp(claim.deadline),
    )


def _inbound_message(stored: StoredMessage) -> pb.InboundMessage:
    message = stored.message
    return pb.InboundMessage(
        sequence=stored.sequence,
        message_id=message.message_id,
        sender=str(message.sender),
        sender_alternate=str(message.sender_alternate or ""),
        phone_number=message.phone_number or "",
        push_name=message.push_name,
        kind=pb.ContentKind.Value(f"CONTENT_KIND_{message.kind.value}"),
        text=message.text,
        quoted_message_id=message.quoted_message_id,
        send_time=timestamp(message.time),
        receive_time=timestamp(stored.receive_time),
    )
