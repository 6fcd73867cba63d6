"""Deadlines that travel: a call made while serving a call may not outlive it.

The server interceptor notes the caller's deadline, the client interceptor cuts each outgoing unary call to what is left
of it. The note is a context variable, so it follows the asyncio task and nothing else.
"""

import time
from contextvars import ContextVar
from typing import Any

import grpc

_deadline: ContextVar[float | None] = ContextVar("wamesh_deadline", default=None)


def note(time_remaining_seconds: float | None) -> None:
    """Notes the deadline of the call that this task serves; None when the caller set none."""
    _deadline.set(None if time_remaining_seconds is None else time.monotonic() + time_remaining_seconds)


def remaining_seconds(timeout_seconds: float | None) -> float | None:
    """The smaller of a timeout and what is left of the served call's deadline; None when neither is set."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout_seconds
    left = max(0.0, deadline - time.monotonic())
    return left if timeout_seconds is None else min(left, timeout_seconds)


class DeadlineInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    """Cuts outgoing unary calls to the served call's deadline, or else to the channel's default."""

    def __init__(self, default_seconds: float) -> None:
        self._default_seconds = default_seconds

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Continues with the shorter timeout."""
        timeout = client_call_details.timeout
        wanted = self._default_seconds if timeout is None else timeout
        return await continuation(client_call_details._replace(timeout=remaining_seconds(wanted)), request)
