"""Which events end a transport's work."""

from datetime import UTC, datetime, timedelta

import pytest

from wamesh.whatsapp import events
from wamesh.whatsapp.jid import Jid

CHAT = Jid("12025550111")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FINAL = [
    events.PairingFailed(events.PairingFailure.TIMED_OUT),
    events.Disconnected("no route", final=True),
    events.Replaced(),
    events.LoggedOut(on_connect=True, code=401),
    events.TemporarilyBanned(101, timedelta(hours=1)),
    events.ClientOutdated(),
]
PASSING = [
    events.QrIssued("code", timedelta(seconds=60)),
    events.PairCodeIssued("W4MX-7H2K"),
    events.Paired(CHAT, None, "+12025550111", ""),
    events.Connected(),
    events.Disconnected("lost"),
    events.KeepAliveTimedOut(),
    events.KeepAliveRestored(),
    events.MessageReceived(events.InboundMessage(CHAT, "A1", CHAT, NOW)),
    events.ReceiptReceived(CHAT, ("A1",), events.ReceiptKind.READ, NOW),
]


@pytest.mark.parametrize(("event", "final"), [*((e, True) for e in FINAL), *((e, False) for e in PASSING)])
def test_every_event_is_final_or_not(event: events.Event, final: bool) -> None:
    """Only what the library never recovers from by itself is final."""
    assert events.is_final(event) is final


def test_the_table_knows_every_event() -> None:
    """No event is missing from this module's two lists."""
    assert {type(event) for event in FINAL + PASSING} == set(events.Event.__args__)
