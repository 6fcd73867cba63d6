"""The rules of a lease, over any history of two gateways that want the same company."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wamesh.gateway.fleet.lease import DEFAULT_TIMES, HeldElsewhere, Lease, LeaseTimes, acquire, release, renew

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TTL = timedelta(seconds=15)
COMPANY = 7

steps = st.lists(
    st.tuples(st.sampled_from(["acquire", "renew", "release"]), st.sampled_from("ab"), st.integers(0, 20)), max_size=60
)


def take(row: Lease | None, holder: str, now: datetime) -> Lease | HeldElsewhere:
    return acquire(row, COMPANY, holder, f"{holder}:50051", now, TTL)


def taken(row: Lease | None, holder: str, now: datetime) -> Lease:
    lease = take(row, holder, now)
    assert isinstance(lease, Lease)
    return lease


def test_the_first_to_come_gets_it() -> None:
    """An unknown company's lease begins with epoch 1 and ends after the ttl."""
    assert take(None, "a", NOW) == Lease(COMPANY, 1, "a", "a:50051", NOW + TTL)


def test_the_second_is_told_who_holds_it() -> None:
    """While it is valid nobody else gets it."""
    assert take(taken(None, "a", NOW), "b", NOW + TTL / 2) == HeldElsewhere("a", "a:50051", NOW + TTL)


def test_an_expired_lease_goes_to_whoever_asks() -> None:
    """At its expiry it is anybody's, with the next epoch; the old holder cannot renew it any more."""
    first = taken(None, "a", NOW)
    second = taken(first, "b", NOW + TTL)
    assert (second.holder, second.epoch) == ("b", 2)
    assert renew(second, first.epoch, NOW + TTL, TTL) is None


def test_a_holder_gets_its_own_lease_anew() -> None:
    """A restarted gateway need not wait for its former self; its former self's epoch is old."""
    first = taken(None, "a", NOW)
    assert taken(first, "a", NOW).epoch == first.epoch + 1


def test_a_release_frees_it_at_once() -> None:
    """After a release the next comes without waiting, and the epoch still grows."""
    released = release(taken(None, "a", NOW), 1, NOW)
    assert taken(released, "b", NOW).epoch == 2


def test_an_old_epoch_releases_nothing() -> None:
    """A holder that lost its lease cannot take it from the next one."""
    second = taken(taken(None, "a", NOW), "b", NOW + TTL)
    assert release(second, 1, NOW + TTL) == second


@pytest.mark.parametrize("after", [timedelta(), TTL - timedelta(microseconds=1)])
def test_a_valid_lease_can_be_renewed(after: timedelta) -> None:
    """Renewing keeps the epoch and counts from now."""
    lease = taken(None, "a", NOW)
    assert renew(lease, 1, NOW + after, TTL) == Lease(COMPANY, 1, "a", "a:50051", NOW + after + TTL)


@pytest.mark.parametrize("row", [None, Lease(COMPANY, 1, "", "", NOW + TTL), Lease(COMPANY, 1, "a", "", NOW)])
def test_a_lease_that_is_gone_cannot_be_renewed(row: Lease | None) -> None:
    """Unknown, released or expired: the holder has lost it, even when nobody took it."""
    assert renew(row, 1, NOW, TTL) is None


@settings(max_examples=200)
@given(steps)
def test_never_two_holders_and_never_an_epoch_twice(history: list[tuple[str, str, int]]) -> None:
    """In any history each acquisition has a higher epoch, and only the newest epoch is ever valid."""
    row: Lease | None = None
    now, given_out, held = NOW, [0], {"a": 0, "b": 0}
    for verb, who, seconds in history:
        now += timedelta(seconds=seconds)
        if verb == "acquire" and isinstance(answer := take(row, who, now), Lease):
            assert row is None or not row.is_valid(now) or row.holder == who
            row, held[who] = answer, answer.epoch
            given_out.append(answer.epoch)
        elif verb == "renew" and (renewed := renew(row, held[who], now, TTL)) is not None:
            assert renewed.holder == who
            row = renewed
        elif verb == "release":
            row = release(row, held[who], now)
    assert given_out == sorted(set(given_out))


def test_a_holder_is_gone_before_others_see_the_end() -> None:
    """The deadline counts from before the store was asked, and leaves a margin."""
    assert DEFAULT_TIMES.deadline_ns(1_000) == 1_000 + 14 * 10**9


@pytest.mark.parametrize("every", [timedelta(), timedelta(seconds=8)])
def test_a_lease_is_renewed_at_least_twice(every: timedelta) -> None:
    """Times that would not survive one missed renewal are refused."""
    with pytest.raises(ValueError, match="renewed too seldom"):
        LeaseTimes(TTL, every)


@pytest.mark.parametrize(("ttl", "renew_every", "presence"), [(15, 5, 10), (6, 2, 4), (6, 3, 4.5)])
def test_a_gateway_is_forgotten_before_its_leases_end(ttl: float, renew_every: float, presence: float) -> None:
    """Then their companies have another home already; one word that was missed makes nobody dead."""
    times = LeaseTimes(timedelta(seconds=ttl), timedelta(seconds=renew_every))
    assert times.presence == timedelta(seconds=presence)
    assert times.renew_every < times.presence < times.ttl
