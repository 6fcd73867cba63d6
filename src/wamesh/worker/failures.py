"""What can stop a turn, as the runner tells it apart.

TryLater        nothing is lost; the delivery is given back and comes again. When a service is away, the attempt does
                not count, however long that lasts; when it failed by a bug, it does
CompanyUnknown  booking has no such company; nobody can answer, so the delivery is done with
"""

from datetime import timedelta
from typing import Final

import grpc

from wamesh.rpc.errors import Refusal

_AWAY: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)
_USUAL_ABSENCE: Final = timedelta(seconds=5)
_LONGEST_PATIENCE: Final = timedelta(minutes=1)
_LONGEST_RETRY: Final = timedelta(hours=1)


class TryLater(Exception):
    """A service cannot answer now.

    `away` tells that it, or the session behind it, is out of reach; `retry_after` is then always set.
    """

    def __init__(self, service: str, refusal: Refusal) -> None:
        super().__init__(f"{service}: {refusal.code.name} {refusal.message}")
        self.away = refusal.code in _AWAY
        self.retry_after = refusal.retry_after or (_USUAL_ABSENCE if self.away else None)


class CompanyUnknown(Exception):
    """Booking does not know the company."""


def patience(wish: timedelta, waited: timedelta) -> timedelta:
    """When to come back for what is away: not before it wishes, nor before a tenth of the time that the customer has
    `waited`, up to a minute; after an hour in any case. So a session that is down for days costs little.
    """
    return min(max(wish, min(waited / 10, _LONGEST_PATIENCE)), _LONGEST_RETRY)
