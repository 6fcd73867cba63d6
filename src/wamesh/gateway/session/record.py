"""What is recorded about a session, as the rest of the gateway is told it.

Owns: one function. Invariant: it says nothing that is not in its arguments, and asks nobody.
"""

from datetime import datetime

from wamesh.gateway.session.machine import advice
from wamesh.gateway.sessions import SessionSnapshot
from wamesh.gateway.stores import StoredSession


def record_of(
    stored: StoredSession,
    holder: str,
    last_inbound_time: datetime | None = None,
    last_ack_time: datetime | None = None,
) -> SessionSnapshot:
    """Returns the session with its device, who holds it, and what only its holder knows."""
    session, device = stored.session, stored.device
    return SessionSnapshot(
        company_id=stored.company_id,
        state=session.state,
        reason=session.reason,
        since=session.since,
        retry_time=session.retry_time,
        action=advice(session),
        device=device.address,
        lid=device.lid,
        phone_number=device.phone_number,
        holder=holder,
        epoch=stored.epoch,
        last_inbound_time=last_inbound_time,
        last_ack_time=last_ack_time,
    )
