"""The wording of `wamesh emulator`: a line for a thing, and a kind for a word."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from wamesh.console.emulator_words import (
    UnknownWord,
    account_line,
    event_kind,
    event_line,
    fault_kind,
    message_line,
)
from wamesh.emulator.v1 import emulator_pb2 as pb

NOON = Timestamp()
NOON.FromDatetime(datetime(2026, 3, 2, 12, 0, 0, 123_456, tzinfo=UTC))


def test_every_kind_has_a_word() -> None:
    """Each kind of the contract but the unspecified one is found by its name in dashes, underscores, any case."""
    assert [
        event_kind(name.removeprefix("EVENT_KIND_").lower().replace("_", "-")) for name in pb.EventKind.keys()[1:]
    ] == (pb.EventKind.values()[1:])
    assert [fault_kind(name.removeprefix("FAULT_KIND_")) for name in pb.FaultKind.keys()[1:]] == (
        pb.FaultKind.values()[1:]
    )


@pytest.mark.parametrize("word", ["unspecified", "", "pigeon"])
def test_an_unknown_word_is_answered_with_all(word: str) -> None:
    """The refusal lists every kind."""
    with pytest.raises(UnknownWord) as caught:
        fault_kind(word)
    assert "slow-link" in str(caught.value)
    assert "unspecified," not in str(caught.value)


def test_an_event_is_one_line_of_what_it_has() -> None:
    """Empty fields are left out; a text of several lines stays on one."""
    event = pb.Event(
        cursor=7,
        event_time=NOON,
        kind=pb.EVENT_KIND_MESSAGE_REJECTED,
        account_phone_number="+12025550100",
        device=1,
        customer_phone_number="+12025550101",
        message_id="3EB0",
        text="a\nb",
        code=463,
    )
    assert event_line(event) == (
        "    7  2026-03-02 12:00:00.123Z  MESSAGE_REJECTED   "
        "account=+12025550100 device=1 customer=+12025550101 message=3EB0 code=463 'a\\nb'"
    )
    assert event_line(pb.Event(cursor=1, event_time=NOON, kind=pb.EVENT_KIND_PAIRED)) == (
        "    1  2026-03-02 12:00:00.123Z  PAIRED"
    )


def test_an_account_names_its_devices() -> None:
    """Who is connected, and what waits for whom."""
    devices = [pb.Device(number=1, connected=True), pb.Device(number=3, pending_count=2)]
    account = pb.Account(phone_number="+12025550100", lid="1@lid", push_name="Salon", devices=devices)
    assert account_line(account) == "+12025550100  1@lid  Salon  device 1 connected, device 3 away, 2 waiting"
    assert account_line(pb.Account(phone_number="+12025550100", lid="1@lid")) == "+12025550100  1@lid  no device"


@pytest.mark.parametrize(
    ("content", "text", "expected"),
    [
        (pb.Content(text=pb.TextContent(body="Hi")), "Hi", "'Hi'"),
        (
            pb.Content(image=pb.ImageContent(data=b"123", media_type="image/png")),
            "Look",
            "[image image/png 3 bytes] 'Look'",
        ),
        (pb.Content(document=pb.DocumentContent(file_name="a.pdf", data=b"1")), "", "[document a.pdf 1 bytes]"),
        (pb.Content(reaction=pb.ReactionContent(emoji="👍")), "👍", "[reaction] '👍'"),
    ],
    ids=["text", "image", "document", "reaction"],
)
def test_a_message_shows_what_it_is(content: pb.Content, text: str, expected: str) -> None:
    """Words as they are; of everything else its kind, its size, and its words."""
    message = pb.CustomerMessage(
        cursor=1, send_time=NOON, account_phone_number="+12025550100", message_id="3EB0", text=text, content=content
    )
    assert message_line(message) == f"    1  2026-03-02 12:00:00.123Z  +12025550100  3EB0  {expected}"


def test_an_answer_names_its_question() -> None:
    """A quoted message is named."""
    message = pb.CustomerMessage(cursor=1, send_time=NOON, message_id="B", text="Yes", quoted_message_id="A")
    assert message_line(message).endswith("B  'Yes' (answers A)")
