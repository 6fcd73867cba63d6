"""Values that go to a session process and back are equal; anything else is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wamesh.gateway.process.wire import (
    Frames,
    WireError,
    decode_event,
    decode_outcome,
    decode_record,
    decode_send,
    encode_event,
    encode_outcome,
    encode_record,
    encode_send,
    framed,
)
from wamesh.session.v1 import session_pb2 as pb
from wamesh.whatsapp import events, transport
from wamesh.whatsapp.jid import Jid

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
CHAT = Jid.of_phone_number("+447700900123")
HIDDEN = Jid.parse("98765432101234@lid")
SECRET = bytes(range(32))

MESSAGE = events.InboundMessage(
    chat=HIDDEN,
    message_id="3EB0",
    sender=HIDDEN,
    time=NOW,
    kind=events.ContentKind.REACTION,
    text="👍",
    sender_alternate=CHAT,
    phone_number="+447700900123",
    push_name="Zoë",
    quoted_message_id="3EAF",
    from_me=True,
    group=True,
)


@pytest.mark.parametrize(
    "event",
    [
        events.QrIssued("2@ref", timedelta(seconds=20)),
        events.PairCodeIssued("ABCD-EFGH"),
        events.Paired(Jid("12025550101", device=3), HIDDEN, "+12025550101", "Salon"),
        events.Paired(Jid("12025550101", device=3), None, "+12025550101", ""),
        *(events.PairingFailed(reason) for reason in events.PairingFailure),
        events.Connected(),
        events.Disconnected("gone"),
        events.Disconnected("gone", final=True),
        events.Replaced(),
        events.LoggedOut(True, 401),
        events.LoggedOut(False),
        events.TemporarilyBanned(101, timedelta(hours=3)),
        events.TemporarilyBanned(101, None),
        events.ClientOutdated(),
        events.KeepAliveTimedOut(),
        events.KeepAliveRestored(),
    ],
)
def test_a_transports_event_comes_through(event: events.Event) -> None:
    """Each event is equal on the other side."""
    assert decode_event(pb.Event.FromString(encode_event(event).SerializeToString())) == event


@pytest.mark.parametrize(
    "event",
    [
        events.MessageReceived(MESSAGE),
        events.MessageReceived(events.InboundMessage(CHAT, "1", CHAT, NOW)),
        events.ReceiptReceived(CHAT, ("1", "2"), events.ReceiptKind.READ, NOW),
    ],
)
def test_a_record_comes_through(event: events.MessageReceived | events.ReceiptReceived) -> None:
    """What the journal keeps is equal when it is read; it does not go as a plain event."""
    assert decode_record(pb.Record.FromString(encode_record(event).SerializeToString())) == event
    with pytest.raises(WireError):
        encode_event(event)


def test_a_record_never_holds_what_no_database_stores() -> None:
    """A customer who sends NUL does not hold back the messages that come after: PostgreSQL refuses it for ever."""
    message = replace(MESSAGE, message_id="3E\0B", text="\0", push_name="Zo\0", quoted_message_id="\0")
    kept = decode_record(encode_record(events.MessageReceived(message)))
    assert kept == events.MessageReceived(
        replace(MESSAGE, message_id="3E\ufffdB", text="\ufffd", push_name="Zo\ufffd", quoted_message_id="\ufffd")
    )
    receipt = events.ReceiptReceived(HIDDEN, ("3E\0B",), events.ReceiptKind.READ, NOW)
    assert decode_record(encode_record(receipt)) == replace(receipt, message_ids=("3E\ufffdB",))


@pytest.mark.parametrize(
    "outcome",
    [
        transport.Sent("3EB0", NOW),
        transport.NotSent("websocket not connected"),
        transport.Rejected(463, "reach-out limit"),
        transport.Uncertain("no answer"),
    ],
)
def test_an_outcome_comes_through(outcome: transport.SendOutcome) -> None:
    """Each outcome of a send is equal on the other side, under its command's id."""
    answer = encode_outcome(5, outcome)
    assert (answer.id, decode_outcome(answer)) == (5, outcome)


def test_an_answer_that_is_no_outcome_leaves_doubt() -> None:
    """Whatever else answers a send proves nothing about it."""
    assert isinstance(decode_outcome(pb.Answer(id=1, failed=pb.Failed(reason="?"))), transport.Uncertain)


def test_a_send_comes_through() -> None:
    """An outgoing message is equal in the session process."""
    message = transport.OutgoingMessage(CHAT, "hello", SECRET, "3EB0")
    assert decode_send(encode_send(message)) == message


@pytest.mark.parametrize("message", [pb.Event(), pb.Event(ready=pb.Ready())])
def test_what_is_no_event_of_a_transport_is_refused(message: pb.Event) -> None:
    """A peer of another release is noticed."""
    with pytest.raises(WireError):
        decode_event(message)


def test_an_unknown_record_is_refused() -> None:
    """A record of a kind that this release does not know is not dropped silently."""
    with pytest.raises(WireError):
        decode_record(pb.Record())


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_frames_come_out_whole_however_they_arrive(size: int) -> None:
    """Bodies come in order, each once, in whatever pieces the socket gives them."""
    events = [pb.Event(ready=pb.Ready(paired=True)), pb.Event(), pb.Event(answer=pb.Answer(id=7))]
    data = b"".join(framed(each) for each in events)
    frames = Frames()
    bodies = [body for at in range(0, len(data), size) for body in frames.feed(data[at : at + size])]
    assert [pb.Event.FromString(body) for body in bodies] == events


def test_a_frame_begins_with_its_length() -> None:
    """Four bytes, big-endian; more than 4 MiB is no frame of ours."""
    frame = framed(pb.Event(ready=pb.Ready(paired=True)))
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    with pytest.raises(WireError):
        Frames().feed(b"\xff\xff\xff\xff")
