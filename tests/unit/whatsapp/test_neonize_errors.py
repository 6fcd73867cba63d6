"""The library's error texts, one by one."""

import pytest

from wamesh.whatsapp.events import Disconnected, TemporarilyBanned
from wamesh.whatsapp.neonize.errors import end_of, outcome_of
from wamesh.whatsapp.transport import NotSent, Rejected, SendOutcome, Uncertain


@pytest.mark.parametrize(
    "text",
    [
        "client is nil",
        "the store doesn't contain a device JID",
        "no LID found for 12025550111@s.whatsapp.net from server",
        "failed to get user info for 12025550111@s.whatsapp.net to fill LID cache: websocket not connected",
        "failed to get user info for 12025550111@s.whatsapp.net to fill LID cache: info query timed out",
        "failed to get device list: failed to send usync query: websocket not connected",
        "failed to send message node: websocket not connected",
        "failed to send message node: frame socket is closed",
    ],
)
def test_failure_before_the_wire_is_not_sent(text: str) -> None:
    """What fails while the message is still being prepared has sent nothing."""
    assert outcome_of(text) == NotSent(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server returned error 463", Rejected(463, "server returned error 463")),
        ("server returned error 400\n", Rejected(400, "server returned error 400")),
    ],
)
def test_answer_with_an_error_is_rejected(text: str, expected: SendOutcome) -> None:
    """The server's own refusal carries its code."""
    assert outcome_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "websocket disconnected before message send returned response",
        "timed out waiting for message send response",
        "websocket not connected",
        "failed to send message node: write tcp 127.0.0.1:1: broken pipe",
        "frame socket is closed",
        "context canceled",
        "words that no version has used yet",
        "",
    ],
)
def test_everything_else_is_uncertain(text: str) -> None:
    """A repeated frame, a half write, a timeout, or anything unknown may have sent the message."""
    assert outcome_of(text) == Uncertain(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("proto: required field neonize.TemporaryBan.Code not set", TemporarilyBanned(0, None)),
        ("failed to dial: connection refused", Disconnected("failed to dial: connection refused", final=True)),
    ],
)
def test_connect_ends_with_a_failed_dial_or_a_ban(text: str, expected: Disconnected | TemporarilyBanned) -> None:
    """A ban that the library cannot put into words is not taken for a dial to be tried again."""
    assert end_of(text) == expected
