"""Which calls belong to the gateway that holds a company's session, and which wait while it is on its way to another.

What is about the session or its outbox goes to the holder; what only reads the database is served anywhere, Receive and
WatchEvents among it.

While a company is handed over, or its gateway restarts, a message to its customer waits for the moment that it takes;
whoever asks for a state hears the one that is. Nothing connects for the sake of a message that waits.

Owns: those two lists. Refuses: to know where a company is (`fleet/fleet.py`).
"""

from collections.abc import Mapping
from typing import Any, Final

from wamesh.gateway.errors import Draining, HolderUnreachable, LeaseLost
from wamesh.gateway.fleet.fleet import Fleet
from wamesh.gateway.session.state import Reason
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.rpc.forwarding import Forwarder

_OF_THE_HOLDER: Final = (
    pb.SendRequest,
    pb.CancelMessageRequest,
    pb.HealthRequest,
    pb.GetSessionRequest,
    pb.StartSessionRequest,
    pb.StopSessionRequest,
    pb.ReconnectRequest,
    pb.LogoutRequest,
    pb.PairRequest,
)
_PATIENT: Final = (pb.SendRequest, pb.CancelMessageRequest)
_BETWEEN_GATEWAYS: Final = frozenset({LeaseLost.reason, HolderUnreachable.reason, Draining.reason})
_ARRIVING: Final = frozenset({Reason.NO_HOLDER.value, Reason.RESTORED.value})


def forwarder(here: str, fleet: Fleet | None) -> Forwarder:
    """Passes on what another gateway of the fleet serves, if there is one; `here` is this gateway's name."""

    async def server_of(request: Any, forwarded: bool) -> str | None:
        if fleet is None or not isinstance(request, _OF_THE_HOLDER):
            return None
        if not request.company_id:  # Health of all companies is everybody's
            return None
        return await fleet.server_of(request.company_id, forwarded=forwarded)

    def unreachable(request: Any, address: str) -> HolderUnreachable:
        return HolderUnreachable(request.company_id, address)

    return Forwarder(here, server_of, unreachable, _is_on_its_way)


def _is_on_its_way(request: Any, reason: str, metadata: Mapping[str, str]) -> bool:
    """Whether the company of a message will be connected in a moment, as far as a refusal tells."""
    arriving = reason in _BETWEEN_GATEWAYS or metadata.get("session_reason") in _ARRIVING
    return arriving and isinstance(request, _PATIENT)
