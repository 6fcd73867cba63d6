"""The refusals and states of a session carry the contract's own names."""

from datetime import UTC, datetime

import pytest

from wamesh.gateway import errors
from wamesh.gateway.errors import NOT_CONNECTED, not_connected
from wamesh.gateway.session.state import Reason, SessionState
from wamesh.gateway.sessions import SessionSnapshot
from wamesh.gateway.v1 import gateway_pb2 as pb

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_each_state_but_connected_refuses_in_its_own_name() -> None:
    """Send's refusal is SESSION_<state>, for every state in which it does not work."""
    reasons = {state: error.reason for state, error in NOT_CONNECTED.items()}
    expected = {state: f"SESSION_{state}" for state in SessionState if state is not SessionState.CONNECTED}
    assert reasons == expected


@pytest.mark.parametrize(
    "reason",
    [
        *(error.reason for error in NOT_CONNECTED.values()),
        errors.SessionNotFound.reason,
        errors.AlreadyPaired.reason,
        errors.PairingInProgress.reason,
        errors.LeaseLost.reason,
        errors.SessionProcessUnavailable.reason,
        errors.Draining.reason,
    ],
)
def test_reasons_are_values_of_the_contract(reason: str) -> None:
    """A client finds every reason in ErrorReason."""
    assert reason in pb.ErrorReason.keys()  # noqa: SIM118 - an enum wrapper, no dict


def test_states_are_values_of_the_contract() -> None:
    """The contract knows the same states, and no others."""
    known = {name.removeprefix("SESSION_STATE_") for name in pb.SessionState.keys()}  # noqa: SIM118
    assert known == {*SessionState, "UNSPECIFIED"}


def test_a_refusal_says_everything_twice() -> None:
    """Each dynamic word of the sentence is in the metadata; a ban's end is its expiry."""
    error = not_connected(SessionSnapshot(7, SessionState.BANNED, Reason.TEMPORARY_BAN, NOW, NOW, "Wait."))
    assert error.message == "Company 7 is BANNED since 2026-03-02T09:00:00+00:00. Wait."
    assert error.metadata == {
        "company_id": "7",
        "state": "BANNED",
        "session_reason": "TEMPORARY_BAN",
        "since": "2026-03-02T09:00:00+00:00",
        "action": "Wait.",
        "expiry": "2026-03-02T09:00:00+00:00",
    }
