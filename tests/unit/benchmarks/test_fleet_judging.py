"""When something may have broken a company's send: what the judge of a fleet takes for a reason."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from fleet_judging import Evidence
from fleet_striking import Hit
from support.fleet import salon_number

from wamesh.emulator.v1 import emulator_pb2 as network

BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment of the run."""
    return BEGIN + timedelta(seconds=seconds)


def closed(company_id: int, seconds: float) -> network.Event:
    """The end of a connection."""
    event = network.Event(
        kind=network.EVENT_KIND_CONNECTION_CLOSED, account_phone_number=salon_number(company_id), device=1
    )
    event.event_time.FromDatetime(at(seconds))
    return event


def evidence(*log: network.Event) -> Evidence:
    """A gateway of companies 1 and 2 was frozen from second 10 to 20, and company 3's process killed at 30."""
    hits = [
        Hit("freeze gateway", at(10), at(20), frozenset({1, 2})),
        Hit("kill session", at(30), at(30), frozenset({3})),
    ]
    return Evidence(log, hits, [], set(), [], Counter())


def test_a_hit_counts_for_the_companies_that_it_hit() -> None:
    """And for no other."""
    found = evidence()
    assert found.moments(1) == [at(10), at(20)]
    assert found.moments(3) == [at(30), at(30)]
    assert found.moments(4) == []


def test_a_connection_that_ended_during_a_hit_counts() -> None:
    """A frozen gateway's sessions end at their leases, some seconds after the hit began."""
    assert evidence(closed(1, 15)).moments(1) == [at(10), at(15), at(20)]


def test_a_connection_that_ended_by_itself_is_no_reason() -> None:
    """Before or long after the hit, or another company's."""
    assert evidence(closed(1, 5), closed(1, 25), closed(3, 15)).moments(1) == [at(10), at(20)]


def test_some_hits_are_no_reason_for_a_loss() -> None:
    """Whatever a strike of a kind that is left out did counts for nothing."""
    assert evidence(closed(1, 15)).moments(1, but={"freeze gateway"}) == []
    assert evidence().moments(3, but={"freeze gateway"}) == [at(30), at(30)]
