"""The plan of what strikes a fleet."""

import random
from collections import Counter

from fleet_striking import KINDS, plan
from hypothesis import given
from hypothesis import strategies as st

seeds = st.integers(0, 2**32)
counts = st.integers(1, 60)


@given(seeds, counts, st.floats(1, 1000))
def test_strikes_come_in_order_and_in_time(seed: int, strikes: int, seconds: float) -> None:
    """So many as asked for, none after the end."""
    moments = [each.at_seconds for each in plan(random.Random(seed), seconds, strikes)]
    assert moments == sorted(moments)
    assert len(moments) == strikes
    assert 0 <= moments[0] <= moments[-1] <= seconds


@given(seeds, counts)
def test_kinds_come_equally_often(seed: int, strikes: int) -> None:
    """No kind comes twice more than another."""
    often = Counter(dict.fromkeys(KINDS, 0)) + Counter(each.kind for each in plan(random.Random(seed), 60, strikes))
    often.update(dict.fromkeys(KINDS, 0))
    assert max(often.values()) - min(often.values()) <= 1


@given(seeds)
def test_a_seed_replays_its_plan(seed: int) -> None:
    """The same seed, the same strikes."""
    assert plan(random.Random(seed), 300, 36) == plan(random.Random(seed), 300, 36)
