"""Which calls belong to the gateway that holds a company's session.

What is about the session or its outbox goes to the holder; what only reads the database is served anywhere, Receive and
WatchEvents among it.

Owns: that list. Refuses: to know where a company is (`fleet/fleet.py`).
"""

from typing import Any, Final

from wamesh.gateway.errors import HolderUnreachable
from wamesh.gateway.fleet.fleet import Fleet
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


def forwarder(here: str, fleet: Fleet) -> Forwarder:
    """Passes on what another gateway of the fleet serves; `here` is this gateway's name."""

    async def server_of(request: Any, forwarded: bool) -> str | None:
        if not isinstance(request, _OF_THE_HOLDER) or not request.company_id:  # Health of all companies is everybody's
            return None
        return await fleet.server_of(request.company_id, forwarded=forwarded)

    return Forwarder(here, server_of, lambda request, address: HolderUnreachable(request.company_id, address))
