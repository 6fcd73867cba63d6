"""A number's bucket lets no more go than its policy allows, and tells exactly when there is room."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from support.gateway_messages import NOON, seconds

from wamesh.gateway.outbox.pacing import Pace, PacePolicy

FIVE = PacePolicy(gap=seconds(1), burst=5)


def test_a_burst_goes_at_once_and_then_one_each_gap() -> None:
    """The bucket is full at first, and fills by one each gap."""
    pace = Pace(FIVE)
    assert [pace.take(NOON) for _ in range(6)] == [NOON] * 5 + [None]
    assert pace.room_at(NOON) == NOON + seconds(1)
    assert [pace.take(NOON + seconds(1)) for _ in range(2)] == [NOON + seconds(1), None]


def test_a_pause_fills_the_bucket_and_no_more() -> None:
    """After any silence a burst may go, not more."""
    pace = Pace(FIVE)
    for _ in range(5):
        pace.take(NOON)
    later = NOON + timedelta(days=1)
    assert [pace.take(later) for _ in range(6)] == [later] * 5 + [None]


def test_room_may_be_taken_ahead() -> None:
    """As far as the patience reaches; what is refused takes nothing."""
    pace = Pace(PacePolicy(gap=seconds(1), burst=1))
    assert pace.take(NOON) == NOON
    assert [pace.take(NOON, seconds(2)) for _ in range(3)] == [NOON + seconds(1), NOON + seconds(2), None]
    assert pace.room_at(NOON) == NOON + seconds(3)
    assert pace.take(NOON + seconds(2)) is None


@settings(max_examples=200)
@given(
    gap=st.integers(1, 10),
    burst=st.integers(1, 6),
    asks=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 20)), max_size=60),
)
def test_no_span_lets_more_go_than_its_bucket(gap: int, burst: int, asks: list[tuple[int, int]]) -> None:
    """In any span there are at most burst + span / gap messages, however they are asked for; a refusal is exact."""
    pace = Pace(PacePolicy(gap=seconds(gap), burst=burst))
    now, gone = NOON, []
    for pause, patience in asks:
        now += seconds(pause)
        room = pace.room_at(now)
        taken = pace.take(now, seconds(patience))
        assert taken == (room if room - now <= seconds(patience) else None)
        gone += [] if taken is None else [taken]
    assert gone == sorted(gone)
    for first in range(len(gone)):
        for last in range(first, len(gone)):
            assert last - first + 1 <= burst + (gone[last] - gone[first]) / seconds(gap)
