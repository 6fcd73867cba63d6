"""Health is read from what was recorded, and forgets what is older than its window."""

from dataclasses import replace

from support.fake_sessions import FakeSessions
from support.gateway_messages import NOON, seconds

from wamesh.gateway.health import SendLog, Sends, health_of


def test_sends_are_counted_for_five_minutes() -> None:
    """Each company by itself; what is older than the window is gone."""
    log = SendLog()
    log.record(7, True, NOON)
    log.record(7, False, NOON + seconds(60))
    log.record(8, True, NOON + seconds(60))
    assert log.lately(7, NOON + seconds(299)) == Sends(2, 1)
    assert log.lately(7, NOON + seconds(300)) == Sends(1, 0)
    assert log.lately(7, NOON + seconds(360)) == Sends(0, 0)
    assert log.lately(9, NOON) == Sends()


def test_the_memory_of_sends_is_bounded() -> None:
    """Sends of the same second share a bucket."""
    log = SendLog()
    for number in range(10_000):
        log.record(7, True, NOON + seconds(number / 20_000))
    assert log.lately(7, NOON + seconds(1)) == Sends(10_000, 10_000)
    assert len(log._buckets[7]) == 1


def test_ages_are_measured_from_recorded_times() -> None:
    """None when the thing never happened; never negative, whatever the clocks do."""
    session = FakeSessions(7).snapshot(7)
    seen = replace(session, last_inbound_time=NOON - seconds(30), last_ack_time=NOON + seconds(1))
    assert health_of(session, Sends(), NOON).last_inbound_age is None
    assert health_of(seen, Sends(), NOON).last_inbound_age == seconds(30)
    assert health_of(seen, Sends(), NOON).last_ack_age == seconds(0)
