"""What the emulator says, as lines for people; what people call its kinds, as its contract does.

Pure. Owns: the wording of `wamesh emulator`. Invariant: one thing is one line, and a field that has nothing to say is
not in it.
"""

import difflib
from collections.abc import Sequence
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from wamesh.emulator.v1 import emulator_pb2 as pb

_KIND_WIDTH: Final = 18


class UnknownWord(ValueError):
    """A kind that the contract does not know; one sentence with the nearest, and all of them."""


def event_kind(word: str) -> "pb.EventKind.ValueType":
    """The kind called `message-sent`, in any case, with dashes or underscores. Raises UnknownWord."""
    return pb.EventKind.Value(_named(word, "EVENT_KIND_", pb.EventKind.keys(), "event"))


def fault_kind(word: str) -> "pb.FaultKind.ValueType":
    """The kind called `drop-connection`, in any case, with dashes or underscores. Raises UnknownWord."""
    return pb.FaultKind.Value(_named(word, "FAULT_KIND_", pb.FaultKind.keys(), "fault"))


def account_line(account: pb.Account) -> str:
    """Number, hidden id, name, devices."""
    devices = ", ".join(_device(each) for each in account.devices) or "no device"
    return "  ".join(filter(None, (account.phone_number, account.lid, account.push_name, devices)))


def event_line(event: pb.Event) -> str:
    """Position, time (UTC), kind, and what else there is."""
    kind = pb.EventKind.Name(event.kind).removeprefix("EVENT_KIND_")
    facts = (
        _fact("account", event.account_phone_number),
        _fact("device", event.device),
        _fact("connection", event.connection),
        _fact("customer", event.customer_phone_number),
        _fact("message", event.message_id),
        _fact("code", event.code),
        repr(event.text) if event.text else "",
        event.detail,
    )
    head = f"{event.cursor:>5}  {_time(event.event_time)}  {kind:<{_KIND_WIDTH}}"
    return " ".join((head, *filter(None, facts))).rstrip()


def message_line(message: pb.CustomerMessage) -> str:
    """Position, time (UTC), who wrote, the message's id, and what the phone shows of it."""
    answer = f"(answers {message.quoted_message_id})" if message.quoted_message_id else ""
    shown = (_media(message.content), repr(message.text) if message.text else "", answer)
    head = f"{message.cursor:>5}  {_time(message.send_time)}  {message.account_phone_number}  {message.message_id} "
    return " ".join((head, *filter(None, shown)))


def _named(word: str, prefix: str, names: Sequence[str], what: str) -> str:
    """The full name in the contract; the first one, which says nothing, is none."""
    name = prefix + word.upper().replace("-", "_")
    if name in names[1:]:
        return name
    known = [each.removeprefix(prefix).lower().replace("_", "-") for each in names[1:]]
    near = difflib.get_close_matches(word.lower(), known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UnknownWord(f"no {what} is called {word}.{hint} There are: {', '.join(known)}.")


def _device(device: pb.Device) -> str:
    waiting = f", {device.pending_count} waiting" if device.pending_count else ""
    return f"device {device.number} {'connected' if device.connected else 'away'}{waiting}"


def _media(content: pb.Content) -> str:
    """What kind of message it is, unless it is words alone."""
    kind = content.WhichOneof("content")
    match kind:
        case None | "text":
            return ""
        case "image" | "document":
            part = getattr(content, kind)
            name = part.file_name if kind == "document" else ""
            return f"[{' '.join(filter(None, (kind, name, part.media_type, f'{len(part.data)} bytes')))}]"
        case _:
            return f"[{kind}]"


def _fact(name: str, value: str | int) -> str:
    return f"{name}={value}" if value else ""


def _time(stamp: Timestamp) -> str:
    return f"{stamp.ToDatetime():%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"
