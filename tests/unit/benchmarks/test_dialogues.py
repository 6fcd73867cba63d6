"""What the judge of dialogues says of a log."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from dialogues import CONFIRMED, Excuses, judge_bookings, judge_ids, judge_turns, turns_of
from judging import Verdict

from wamesh.emulator.v1 import emulator_pb2 as network

SALON, ALEX = "+12025550101", "+447700900001"
BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)

SAID = network.EVENT_KIND_CUSTOMER_SENT
RECEIVED = network.EVENT_KIND_DEVICE_RECEIVED
ANSWERED = network.EVENT_KIND_MESSAGE_SENT


def log_of(*lines: "tuple[network.EventKind.ValueType, str]", text: str = "Hello") -> list[network.Event]:
    """A log of one customer's chat, a line a second; the ids are the messages'."""
    events = []
    for second, (kind, message_id) in enumerate(lines):
        event = network.Event(
            cursor=second + 1,
            kind=kind,
            account_phone_number=SALON,
            customer_phone_number=ALEX,
            message_id=message_id,
            text=text,
        )
        event.event_time.FromDatetime(BEGIN + timedelta(seconds=second))
        events.append(event)
    return events


def violations(log: Iterable[network.Event], excuses: Excuses) -> list[str]:
    """What does not hold, without the words that name the turn."""
    verdict = Verdict()
    judge_turns(verdict, turns_of(log), excuses)
    return [each.split(":")[0] for each in verdict.violations]


def excuse(*stored: str, lost: bool = False, doubts: int = 0) -> Excuses:
    """What explains silence."""
    return Excuses(set(stored), lambda _: lost, Counter({ALEX: doubts}))


def test_a_message_that_is_answered_once_is_in_order() -> None:
    """One answer before the next message."""
    log = log_of((SAID, "a"), (RECEIVED, "a"), (ANSWERED, "1"), (SAID, "b"), (RECEIVED, "b"), (ANSWERED, "2"))
    assert violations(log, excuse()) == []


def test_two_answers_are_one_too_many() -> None:
    """Even with different ids."""
    log = log_of((SAID, "a"), (RECEIVED, "a"), (ANSWERED, "1"), (ANSWERED, "2"))
    assert violations(log, excuse("a", lost=True, doubts=9)) == ["answered 2 times"]


def test_a_message_that_nobody_fetched_is_a_violation() -> None:
    """A session that never came back."""
    assert violations(log_of((SAID, "a")), excuse(lost=True, doubts=9)) == ["never delivered to the device"]


@pytest.mark.parametrize(
    ("excuses", "expected"),
    [
        (excuse(lost=True), []),
        (excuse(), ["never answered"]),
        (excuse("a", lost=True), ["never answered"]),
        (excuse("a", doubts=1), []),
    ],
    ids=["lost by a blow", "lost without one", "stored, so the blow is no excuse", "its reply is in doubt"],
)
def test_silence_needs_an_excuse(excuses: Excuses, expected: list[str]) -> None:
    """A loss needs a blow and an inbox without the message; a doubt needs a reply that is UNKNOWN."""
    assert violations(log_of((SAID, "a"), (RECEIVED, "a")), excuses) == expected


@pytest.mark.parametrize(
    ("seconds", "near"), [(-0.5, True), (0.5, True), (1.5, False), (3.5, False), (4.5, True), (6.5, False)]
)
def test_a_message_comes_when_it_is_sent_and_when_it_is_received(seconds: float, near: bool) -> None:
    """A process that ended after it took the message in, and the one that was given it again, may both lose it."""
    log = log_of((SAID, "a"), (ANSWERED, "0"), (ANSWERED, "1"), (ANSWERED, "2"), (ANSWERED, "3"), (RECEIVED, "a"))
    (turn,) = turns_of(log)
    assert turn.came_near([BEGIN + timedelta(seconds=seconds)], timedelta(seconds=1)) == near


def test_a_doubt_excuses_one_silence() -> None:
    """Two messages without an answer need two."""
    log = log_of((SAID, "a"), (RECEIVED, "a"), (SAID, "b"), (RECEIVED, "b"))
    assert violations(log, excuse("a", "b", doubts=1)) == ["never answered"]


def test_an_id_is_sent_once() -> None:
    """The network shows a repeated id as a second message when the customer sees it twice."""
    verdict = Verdict()
    judge_ids(verdict, log_of((ANSWERED, "1"), (ANSWERED, "1")))
    assert verdict.violations == ["message id sent 2 times: 1"]


@pytest.mark.parametrize(
    ("booked", "doubts", "violated"),
    [(1, 0, False), (0, 0, True), (2, 0, True), (2, 1, False), (3, 1, True), (0, 1, True)],
)
def test_a_confirmation_is_a_booking(booked: int, doubts: int, violated: bool) -> None:
    """As many of one as of the other; a confirmation in doubt may be missing, a booking never."""
    verdict = Verdict()
    turns = turns_of(log_of((SAID, "a"), (RECEIVED, "a"), (ANSWERED, "1"), text=f"{CONFIRMED}: Monday"))
    judge_bookings(verdict, turns, Counter({ALEX: booked}), Counter({ALEX: doubts}))
    assert bool(verdict.violations) == violated
