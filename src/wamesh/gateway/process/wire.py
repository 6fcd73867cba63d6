"""Between the values of `whatsapp` and the messages of `wamesh.session.v1`, and their framing.

Both ends of a session process's socket use it, the process included: so no grpc, no asyncio here.

Owns: framing and conversion, in both directions. Refuses: to act. Invariant: decoding what was encoded gives
an equal value.
"""

import struct
import time
from datetime import UTC
from pathlib import PurePath
from typing import Final

from wamesh.session.v1 import session_pb2 as pb
from wamesh.whatsapp import events, transport
from wamesh.whatsapp.jid import Jid

_LENGTH: Final = struct.Struct(">I")
MAX_FRAME_BYTES: Final = 4 << 20
SPOOL_NAME: Final = PurePath("spool")

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class WireError(Exception):
    """The peer speaks another release, or not this protocol at all."""


def machine_time_ns() -> int:
    """A clock that both ends share: it never jumps, and goes on while the machine sleeps (where the system has it)."""
    return time.clock_gettime_ns(_CLOCK)


def framed(message: pb.Command | pb.Event) -> bytes:
    """Returns the message as it goes over the socket."""
    body = message.SerializeToString()
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Cuts what a socket gives into the bodies of frames; keeps the beginning of one that is not whole yet."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the bodies that are whole now, in order. Raises WireError for a frame of more than 4 MiB."""
        data = self._rest + data if self._rest else data
        bodies: list[bytes] = []
        begin = 0
        while len(data) - begin >= _LENGTH.size:
            end = begin + _LENGTH.size + _checked_length(_LENGTH.unpack_from(data, begin)[0])
            if end > len(data):
                break
            bodies.append(data[begin + _LENGTH.size : end])
            begin = end
        self._rest = data[begin:]
        return bodies


def _checked_length(length: int) -> int:
    if length > MAX_FRAME_BYTES:
        raise WireError(f"a frame of {length} bytes is longer than {MAX_FRAME_BYTES}")
    return length


# Records of the journal.


def encode_record(event: events.MessageReceived | events.ReceiptReceived) -> pb.Record:
    """Returns the event as the journal keeps it."""
    if isinstance(event, events.ReceiptReceived):
        receipt = pb.Receipt(chat=str(event.chat), message_ids=event.message_ids, kind=event.kind.value)
        receipt.time.FromDatetime(event.time)
        return pb.Record(receipt=receipt)
    return pb.Record(message=_encode_message(event.message))


def decode_record(record: pb.Record) -> events.MessageReceived | events.ReceiptReceived:
    """Returns the event that the journal kept; NUL characters in it become U+FFFD. Raises WireError."""
    match record.WhichOneof("record"):
        case "message":
            return events.MessageReceived(_decode_message(record.message))
        case "receipt":
            return _decode_receipt(record.receipt)
        case _:
            raise WireError("the record is of no known kind")


def _encode_message(message: events.InboundMessage) -> pb.InboundMessage:
    encoded = pb.InboundMessage(
        chat=str(message.chat),
        message_id=message.message_id,
        sender=str(message.sender),
        kind=message.kind.value,
        text=message.text,
        sender_alternate=_text(message.sender_alternate),
        phone_number=message.phone_number,
        push_name=message.push_name,
        quoted_message_id=message.quoted_message_id,
        from_me=message.from_me,
        group=message.group,
    )
    encoded.time.FromDatetime(message.time)
    return encoded


def _decode_message(encoded: pb.InboundMessage) -> events.InboundMessage:
    return events.InboundMessage(
        chat=Jid.parse(encoded.chat),
        message_id=_storable(encoded.message_id),
        sender=Jid.parse(encoded.sender),
        time=encoded.time.ToDatetime(UTC),
        kind=events.ContentKind(encoded.kind),
        text=_storable(encoded.text),
        sender_alternate=_jid(encoded.sender_alternate),
        phone_number=encoded.phone_number if encoded.HasField("phone_number") else None,
        push_name=_storable(encoded.push_name),
        quoted_message_id=_storable(encoded.quoted_message_id),
        from_me=encoded.from_me,
        group=encoded.group,
    )


def _decode_receipt(encoded: pb.Receipt) -> events.ReceiptReceived:
    kind = events.ReceiptKind(encoded.kind)
    message_ids = tuple(_storable(each) for each in encoded.message_ids)
    return events.ReceiptReceived(Jid.parse(encoded.chat), message_ids, kind, encoded.time.ToDatetime(UTC))


def _storable(words: str) -> str:
    """What a customer's phone chose, without NUL: PostgreSQL stores none, and one record that no sink takes would hold
    back every later one of its company.
    """
    return words.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _text(jid: Jid | None) -> str:
    return "" if jid is None else str(jid)


def _jid(text: str) -> Jid | None:
    return Jid.parse(text) if text else None


# Outgoing messages and their outcomes.


def encode_send(message: transport.OutgoingMessage) -> pb.Send:
    """Returns the message as the Send command carries it."""
    return pb.Send(
        chat=str(message.chat),
        text=message.text,
        quoted_message_id=message.quoted_message_id,
        secret=message.secret,
    )


def decode_send(encoded: pb.Send) -> transport.OutgoingMessage:
    """Returns the message that a Send command carries."""
    return transport.OutgoingMessage(Jid.parse(encoded.chat), encoded.text, encoded.secret, encoded.quoted_message_id)


def encode_outcome(command_id: int, outcome: transport.SendOutcome) -> pb.Answer:
    """Returns the answer to a Send command."""
    answer = pb.Answer(id=command_id)
    match outcome:
        case transport.Sent(message_id, moment):
            answer.sent.message_id = message_id
            answer.sent.time.FromDatetime(moment)
        case transport.NotSent(reason):
            answer.not_sent.reason = reason
        case transport.Rejected(code, reason):
            answer.rejected.code, answer.rejected.reason = code, reason
        case transport.Uncertain(reason):
            answer.uncertain.reason = reason
    return answer


def decode_outcome(answer: pb.Answer) -> transport.SendOutcome:
    """Returns the outcome that an answer to Send carries; an answer of another kind leaves it uncertain."""
    match answer.WhichOneof("answer"):
        case "sent":
            return transport.Sent(answer.sent.message_id, answer.sent.time.ToDatetime(UTC))
        case "not_sent":
            return transport.NotSent(answer.not_sent.reason)
        case "rejected":
            return transport.Rejected(answer.rejected.code, answer.rejected.reason)
        case "uncertain":
            return transport.Uncertain(answer.uncertain.reason)
        case _:
            return transport.Uncertain(answer.failed.reason or "the session process gave no outcome")


# The transport's own events.


def encode_event(event: events.Event) -> pb.Event:
    """Returns the event as the session process tells it. Raises WireError for those that the journal carries."""
    out = pb.Event()
    match event:
        case events.QrIssued(code, valid_for):
            out.qr_issued.code = code
            out.qr_issued.valid_for.FromTimedelta(valid_for)
        case events.PairCodeIssued(code):
            out.pair_code_issued.code = code
        case events.Paired(device, lid, phone_number, name):
            out.paired.CopyFrom(pb.Paired(device=str(device), lid=_text(lid), phone_number=phone_number, name=name))
        case events.PairingFailed(reason):
            out.pairing_failed.reason = reason.value
        case events.Connected():
            out.connected.SetInParent()
        case events.Disconnected(detail, final):
            out.disconnected.CopyFrom(pb.Disconnected(detail=detail, final=final))
        case events.Replaced():
            out.replaced.SetInParent()
        case events.LoggedOut(on_connect, refused_code):
            out.logged_out.CopyFrom(pb.LoggedOut(on_connect=on_connect, code=refused_code))
        case events.TemporarilyBanned(ban_code, expires_in):
            out.temporarily_banned.code = ban_code
            if expires_in is not None:
                out.temporarily_banned.expires_in.FromTimedelta(expires_in)
        case events.ClientOutdated():
            out.client_outdated.SetInParent()
        case events.KeepAliveTimedOut():
            out.keep_alive_timed_out.SetInParent()
        case events.KeepAliveRestored():
            out.keep_alive_restored.SetInParent()
        case _:
            raise WireError(f"{type(event).__name__} goes through the journal")
    return out


def decode_event(message: pb.Event) -> events.Event:
    """Returns the transport's event that the session process told. Raises WireError for anything else."""
    match message.WhichOneof("event"):
        case "qr_issued":
            return events.QrIssued(message.qr_issued.code, message.qr_issued.valid_for.ToTimedelta())
        case "pair_code_issued":
            return events.PairCodeIssued(message.pair_code_issued.code)
        case "paired":
            paired = message.paired
            device, lid = Jid.parse(paired.device), _jid(paired.lid)
            return events.Paired(device, lid, paired.phone_number, paired.name)
        case "pairing_failed":
            return events.PairingFailed(events.PairingFailure(message.pairing_failed.reason))
        case "connected":
            return events.Connected()
        case "disconnected":
            return events.Disconnected(message.disconnected.detail, message.disconnected.final)
        case "replaced":
            return events.Replaced()
        case "logged_out":
            out = message.logged_out
            return events.LoggedOut(out.on_connect, out.code if out.HasField("code") else None)
        case "temporarily_banned":
            ban = message.temporarily_banned
            known = ban.HasField("expires_in")
            return events.TemporarilyBanned(ban.code, ban.expires_in.ToTimedelta() if known else None)
        case "client_outdated":
            return events.ClientOutdated()
        case "keep_alive_timed_out":
            return events.KeepAliveTimedOut()
        case "keep_alive_restored":
            return events.KeepAliveRestored()
        case other:
            raise WireError(f"{other or 'nothing known'} is no event of a transport")
