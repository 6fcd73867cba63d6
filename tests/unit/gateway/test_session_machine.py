"""The session machine: the table is total, and whatever happens in whatever order keeps its promises."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wamesh.gateway.session.machine import advance, advice
from wamesh.gateway.session.state import (
    DEFAULT_POLICY,
    OPERATOR_EVENTS,
    Do,
    Effect,
    Event,
    Policy,
    Reason,
    Refusal,
    Refuse,
    Session,
    SessionState,
    WakeAt,
    registered,
)
from wamesh.gateway.session.table import LATE, TABLE, Go

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

happenings = st.lists(
    st.tuples(
        st.sampled_from(Event),
        st.integers(0, 1000),
        st.floats(0, 1, exclude_max=True),
        st.none() | st.integers(1, 5000),
    ),
    max_size=40,
)


def at(state: SessionState, reason: Reason = Reason.OPERATOR, **more: object) -> Session:
    return replace(Session(state, reason, NOW), **more)  # type: ignore[arg-type]


def play(
    happened: list[tuple[Event, int, float, int | None]],
) -> list[tuple[Session, Event, Session, tuple[Effect, ...]]]:
    """Lets a history happen to a new session; returns each step as (before, event, after, effects)."""
    session, now, steps = registered(NOW), NOW, []
    for event, seconds, jitter, ban in happened:
        now += seconds * SECOND
        after, effects = advance(session, event, now, jitter=jitter, expires_in=None if ban is None else ban * SECOND)
        steps.append((session, event, after, effects))
        session = after
    return steps


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("event", Event)
def test_every_pair_is_defined(state: SessionState, event: Event) -> None:
    """Each event has a result in each state, and none raises."""
    session, _ = advance(at(state), event, NOW)
    assert session.state in SessionState


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("event", sorted(OPERATOR_EVENTS))
def test_no_verb_is_ignored(state: SessionState, event: Event) -> None:
    """An operator's verb moves, is already so, or is refused; it is never taken for late news."""
    assert TABLE[state][event] is not LATE


def test_only_reconnect_leaves_replaced() -> None:
    """After *replaced* nothing but an operator's Reconnect moves the session at all."""
    leaving = {event for event, cell in TABLE[SessionState.REPLACED].items() if isinstance(cell, Go)}
    assert leaving == {Event.RECONNECT}


@settings(max_examples=200)
@given(happenings)
def test_replaced_connects_again_only_by_reconnect(happened: list[tuple[Event, int, float, int | None]]) -> None:
    """In any history a replaced session spawns nothing until Reconnect."""
    for before, event, after, effects in play(happened):
        if before.state is SessionState.REPLACED and event is not Event.RECONNECT:
            assert after.state is SessionState.REPLACED
            assert Do.SPAWN not in effects


@settings(max_examples=200)
@given(happenings)
def test_rest_has_no_process_and_no_lease(happened: list[tuple[Event, int, float, int | None]]) -> None:
    """Whoever comes to rest kills the process, then releases the lease; whoever spawns acquired it before."""
    for _, _, after, effects in play(happened):
        if not after.state.is_active and effects and not isinstance(effects[0], Refuse) and Do.PERSIST in effects:
            assert effects.index(Do.KILL) < effects.index(Do.RELEASE)
        if Do.SPAWN in effects:
            assert effects.index(Do.ACQUIRE) < effects.index(Do.SPAWN)
            assert after.state.is_active


@settings(max_examples=200)
@given(happenings)
def test_a_change_is_persisted_before_the_process_is_touched(
    happened: list[tuple[Event, int, float, int | None]],
) -> None:
    """A new state or reason is written first, so that a crash in between finds the truth."""
    for before, _, after, effects in play(happened):
        if (before.state, before.reason) != (after.state, after.reason):
            written = effects.index(Do.PERSIST)
            touched = [effects.index(do) for do in (Do.SPAWN, Do.KILL) if do in effects]
            assert all(written < index for index in touched)


@settings(max_examples=200)
@given(happenings)
def test_a_verb_refused_changes_nothing(happened: list[tuple[Event, int, float, int | None]]) -> None:
    """Refuse stands alone, and only operators are refused."""
    for before, event, after, effects in play(happened):
        if any(isinstance(effect, Refuse) for effect in effects):
            assert (after, len(effects)) == (before, 1)
            assert event in OPERATOR_EVENTS


@settings(max_examples=200)
@given(happenings)
def test_the_timer_is_told_whenever_it_changes(happened: list[tuple[Event, int, float, int | None]]) -> None:
    """The last WakeAt is the session's wake_time; active states but CONNECTED always have one."""
    told: datetime | None = None
    for _, _, after, effects in play(happened):
        for effect in effects:
            if isinstance(effect, WakeAt):
                told = effect.time
        assert told == after.wake_time
        waits = after.state.is_active and after.state is not SessionState.CONNECTED
        assert after.wake_time is not None if waits else after.state is SessionState.BANNED or told is None


@settings(max_examples=200)
@given(happenings)
def test_send_works_only_when_connected(happened: list[tuple[Event, int, float, int | None]]) -> None:
    """A session may send in CONNECTED and nowhere else."""
    for _, _, after, _ in play(happened):
        assert after.may_send == (after.state is SessionState.CONNECTED)


@given(attempt=st.integers(0, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_backoff_doubles_within_bounds(attempt: int, jitter: float) -> None:
    """The delay lies between half and all of the doubled first delay, never above the longest."""
    policy = Policy(first_retry=SECOND, longest_retry=300 * SECOND)
    whole = min(2.0 ** min(attempt, 20), 300.0)
    assert whole / 2 <= policy.retry_delay(attempt, jitter).total_seconds() <= whole


def test_retries_grow_while_the_network_is_away() -> None:
    """Each failed dial waits twice as long as the one before."""
    session, delays = at(SessionState.CONNECTING), []
    for _ in range(4):
        session, _ = advance(session, Event.DIAL_ENDED, NOW, jitter=0.0)
        assert session.retry_time is not None
        delays.append(session.retry_time - NOW)
        session, _ = advance(session, Event.WAKE, NOW)
    assert delays == [SECOND / 2, SECOND, 2 * SECOND, 4 * SECOND]


def test_a_flapping_connection_does_not_reset_the_backoff() -> None:
    """A connection that held for a moment leaves the count; one that was stable forgives it."""
    flapped, _ = advance(at(SessionState.CONNECTED, attempt=5), Event.DIAL_ENDED, NOW + SECOND)
    stable, _ = advance(at(SessionState.CONNECTED, attempt=5), Event.DIAL_ENDED, NOW + DEFAULT_POLICY.stable_after)
    assert (flapped.attempt, stable.attempt) == (6, 1)


def test_a_flapping_network_does_not_delay_the_restart_after_a_crash() -> None:
    """The library mends a loss by itself, so no loss is a try of ours; the first crash waits for the first delay."""
    session = at(SessionState.CONNECTED)
    for second in range(12):
        session, _ = advance(session, Event.NETWORK_LOST, NOW + second * SECOND)
        session, _ = advance(session, Event.CONNECTED, NOW + second * SECOND)
    crashed, _ = advance(session, Event.PROCESS_EXITED, NOW + 13 * SECOND)
    assert crashed.wake_time is not None
    assert crashed.wake_time - (NOW + 13 * SECOND) <= DEFAULT_POLICY.first_retry


def test_the_library_may_redial_by_itself_first() -> None:
    """After a network loss the process gets its grace, and keeps running meanwhile."""
    session, effects = advance(at(SessionState.CONNECTED), Event.NETWORK_LOST, NOW)
    assert (session.state, session.retry_time) == (SessionState.DISCONNECTED, NOW + DEFAULT_POLICY.redial_grace)
    assert Do.KILL not in effects


def test_a_crash_loop_stops() -> None:
    """More crashes than the limit within the window end in STOPPED, which nothing leaves by itself."""
    session = at(SessionState.CONNECTED)
    for _ in range(DEFAULT_POLICY.crash_limit):
        session, _ = advance(session, Event.PROCESS_EXITED, NOW)
        assert session.state is SessionState.DISCONNECTED
    session, effects = advance(session, Event.PROCESS_EXITED, NOW)
    assert (session.state, session.reason) == (SessionState.STOPPED, Reason.CRASH_LOOP)
    assert effects == (Do.PERSIST, Do.KILL, Do.RELEASE, WakeAt(None))


def test_a_network_that_is_not_found_is_no_crash() -> None:
    """Whoever cannot be told where the network is tries for ever, ever later, and no process is blamed."""
    session = at(SessionState.CONNECTING)
    for attempt in range(2 * DEFAULT_POLICY.crash_limit):
        session, effects = advance(session, Event.NETWORK_NOT_FOUND, NOW)
        assert (session.state, session.reason) == (SessionState.DISCONNECTED, Reason.NETWORK_NOT_FOUND)
        assert (session.attempt, session.crashes, Do.KILL in effects) == (attempt + 1, (), True)
        session, _ = advance(session, Event.WAKE, NOW)


def test_crashes_outside_the_window_are_forgiven() -> None:
    """A process that dies once in a while is restarted for ever."""
    session, now = at(SessionState.CONNECTED), NOW
    for _ in range(3 * DEFAULT_POLICY.crash_limit):
        session, _ = advance(session, Event.PROCESS_EXITED, now)
        now += DEFAULT_POLICY.crash_window
    assert session.state is SessionState.DISCONNECTED


def test_an_operators_start_forgives_crashes() -> None:
    """Start after a crash loop begins with a clean count."""
    stopped = at(SessionState.STOPPED, Reason.CRASH_LOOP, crashes=(NOW,) * 6, attempt=6)
    session, _ = advance(stopped, Event.START, NOW)
    assert (session.crashes, session.attempt) == ((), 0)


def test_a_ban_is_left_after_its_end_by_an_operator() -> None:
    """Reconnect is refused until the ban has expired; nothing leaves it alone."""
    banned, _ = advance(at(SessionState.CONNECTED), Event.BANNED, NOW, expires_in=timedelta(hours=1))
    early = advance(banned, Event.RECONNECT, NOW + timedelta(minutes=59))
    woken, _ = advance(banned, Event.WAKE, NOW + timedelta(hours=2))
    late, _ = advance(woken, Event.RECONNECT, NOW + timedelta(hours=2))
    assert banned.retry_time == NOW + timedelta(hours=1)
    assert early == (banned, (Refuse(Refusal.STATE),))
    assert woken == banned
    assert late.state is SessionState.CONNECTING


@pytest.mark.parametrize("state", SessionState)
def test_a_restart_connects_only_what_ran(state: SessionState) -> None:
    """RESTORE spawns for sessions that were active (and once for OUTDATED, since upgrades restart); others stay."""
    session, effects = advance(at(state), Event.RESTORE, NOW)
    runs = state.is_active or state is SessionState.OUTDATED
    assert (Do.SPAWN in effects, session.state) == (runs, SessionState.CONNECTING if runs else state)


def test_a_pairing_that_finds_a_device_does_not_connect() -> None:
    """Pair of a company that has a device ends STOPPED, ALREADY_PAIRED, and dials nothing."""
    session, effects = advance(at(SessionState.PAIRING), Event.DEVICE_FOUND, NOW)
    assert (session.state, session.reason) == (SessionState.STOPPED, Reason.ALREADY_PAIRED)
    assert Do.DIAL not in effects


def test_a_standby_asks_for_the_lease_often() -> None:
    """While another gateway holds the company the retries stay close, so that a takeover is quick."""
    session = at(SessionState.CONNECTING, attempt=20)
    session, _ = advance(session, Event.LEASE_REFUSED, NOW)
    assert session.retry_time == NOW + DEFAULT_POLICY.standby_retry


def test_since_is_when_the_state_began() -> None:
    """A new reason in the same state keeps `since`; a new state sets it."""
    kept, _ = advance(at(SessionState.CONNECTED), Event.KEEP_ALIVE_LOST, NOW + SECOND)
    moved, _ = advance(at(SessionState.CONNECTED), Event.STOP, NOW + SECOND)
    assert (kept.since, moved.since) == (NOW, NOW + SECOND)


@pytest.mark.parametrize("state", SessionState)
def test_whoever_must_act_is_told_how(state: SessionState) -> None:
    """Each state at rest has words for the operator."""
    assert bool(advice(at(state))) or state.is_active
