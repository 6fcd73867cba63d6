"""Sessions and leases in SQL, for both engines.

Owns the tables `sessions` and `leases`. Refuses: deciding what a session does; the rules of a lease are those
of `wamesh.gateway.fleet.lease`, written as one conditional statement each. Invariants: a lease's epoch only grows;
a session's row is never overwritten by an older epoch. Expiry is judged by the database's clock alone.
"""

from datetime import datetime, timedelta
from typing import Any

from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.fleet.lease import Acquired, HeldElsewhere, Lease
from wamesh.gateway.session.state import Reason, Session, SessionState
from wamesh.gateway.stores import Device, PlacedSession, StoredSession
from wamesh.storage.database import Database, Statement, Steps, execute
from wamesh.storage.gateway.clock import NOW

_ACQUIRE = """
INSERT INTO leases (company_id, epoch, holder, address, expire_time)
VALUES ($1, 1, $2, $3, {now} + CAST($4 AS BIGINT))
ON CONFLICT (company_id) DO UPDATE SET
    epoch = leases.epoch + 1,
    holder = excluded.holder,
    address = excluded.address,
    expire_time = excluded.expire_time
WHERE leases.holder IN ('', excluded.holder) OR leases.expire_time <= {now}
RETURNING epoch, expire_time
"""

_HOLDER = "SELECT holder, address, expire_time FROM leases WHERE company_id = $1"

_RENEW = """
UPDATE leases SET expire_time = {now} + CAST($3 AS BIGINT)
WHERE company_id = $1 AND epoch = $2 AND holder <> '' AND expire_time > {now}
RETURNING epoch
"""

_RELEASE = """
UPDATE leases SET holder = '', address = '', expire_time = {now} WHERE company_id = $1 AND epoch = $2
"""

_PLACED = """
SELECT s.company_id, COALESCE(l.epoch, s.epoch), s.state, s.reason, s.since_time, s.retry_time, s.device, s.lid,
    s.phone_number, s.name, l.holder, l.address, {now} - l.expire_time
FROM sessions s LEFT JOIN leases l ON l.company_id = s.company_id
WHERE {among} ORDER BY s.company_id
"""

_WAITING = """s.state IN ('PAIRING', 'CONNECTING', 'CONNECTED', 'DISCONNECTED')
    AND (l.company_id IS NULL OR l.holder = '' OR l.expire_time <= {now})"""

_LOAD = """
SELECT company_id, epoch, state, reason, since_time, retry_time, device, lid, phone_number, name
FROM sessions ORDER BY company_id
"""

_SAVE = """
INSERT INTO sessions (company_id, epoch, state, reason, since_time, retry_time, device, lid, phone_number,
name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (company_id) DO UPDATE SET
    epoch = excluded.epoch,
    state = excluded.state,
    reason = excluded.reason,
    since_time = excluded.since_time,
    retry_time = excluded.retry_time,
    device = excluded.device,
    lid = excluded.lid,
    phone_number = excluded.phone_number,
    name = excluded.name
WHERE sessions.epoch <= excluded.epoch
RETURNING company_id
"""


class SqlLeaseStore:
    """The `LeaseStore` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        now = NOW[database.engine]
        self._acquire = _ACQUIRE.format(now=now)
        self._renew = _RENEW.format(now=now)
        self._release = _RELEASE.format(now=now)

    async def acquire(self, company_id: int, holder: str, address: str, ttl: timedelta) -> Acquired:
        """Returns the lease with the next epoch, or who is in the way."""

        def steps() -> Steps[Acquired]:
            rows = yield execute(self._acquire, company_id, holder, address, _microseconds(ttl))
            if rows:
                epoch, expires = rows[0]
                return Lease(company_id, epoch, holder, address, from_epoch_microseconds(expires))
            rows = yield execute(_HOLDER, company_id)
            other, at, expires = rows[0]
            return HeldElsewhere(other, at, from_epoch_microseconds(expires))

        return await self._database.write(steps)

    async def renew(self, company_id: int, epoch: int, ttl: timedelta) -> bool:
        """Prolongs the lease to `ttl` from now; False when it is lost."""

        def steps() -> Steps[bool]:
            rows = yield execute(self._renew, company_id, epoch, _microseconds(ttl))
            return bool(rows)

        return await self._database.write(steps)

    async def release(self, company_id: int, epoch: int) -> None:
        """Gives the lease up if `epoch` is the current one; harmless otherwise."""

        def steps() -> Steps[None]:
            yield execute(self._release, company_id, epoch)

        await self._database.write(steps)


class SqlSessionStore:
    """The `SessionStore` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        now = NOW[database.engine]
        self._all = _PLACED.format(now=now, among="TRUE")
        self._one = _PLACED.format(now=now, among="s.company_id = $1")
        self._waiting = _PLACED.format(now=now, among=_WAITING.format(now=now))

    async def load(self) -> list[StoredSession]:
        """Returns all sessions, by company id."""

        def steps() -> Steps[list[StoredSession]]:
            rows = yield execute(_LOAD)
            return [_stored(row) for row in rows]

        return await self._database.read(steps)

    async def find(self, company_id: int) -> PlacedSession | None:
        """Returns one session; None for a company that was never seen."""
        found = await self._read(execute(self._one, company_id))
        return found[0] if found else None

    async def placed(self) -> list[PlacedSession]:
        """Returns all sessions with their leases."""
        return await self._read(execute(self._all))

    async def waiting(self) -> list[PlacedSession]:
        """Returns the active sessions that nobody holds."""
        return await self._read(execute(self._waiting))

    async def save(self, stored: StoredSession) -> None:
        """Writes one session. Raises LeaseLost when a newer epoch has written since."""

        def steps() -> Steps[None]:
            rows = yield execute(_SAVE, *_row(stored))
            if not rows:
                raise LeaseLost(stored.company_id)

        await self._database.write(steps)

    async def _read(self, statement: Statement) -> list[PlacedSession]:
        def steps() -> Steps[list[PlacedSession]]:
            rows = yield statement
            return [_placed(row) for row in rows]

        return await self._database.read(steps)


def _row(stored: StoredSession) -> tuple[Any, ...]:
    session, device = stored.session, stored.device
    return (
        stored.company_id,
        stored.epoch,
        session.state.value,
        session.reason.value,
        to_epoch_microseconds(session.since),
        _optional(session.retry_time),
        device.address,
        device.lid,
        device.phone_number,
        device.name,
    )


def _stored(row: tuple[Any, ...]) -> StoredSession:
    company_id, epoch, state, reason, since, retry, address, lid, phone_number, name = row
    wake_time = None if retry is None else from_epoch_microseconds(retry)
    session = Session(SessionState(state), Reason(reason), from_epoch_microseconds(since), wake_time)
    return StoredSession(company_id, epoch, session, Device(address, lid, phone_number, name))


def _placed(row: tuple[Any, ...]) -> PlacedSession:
    holder, address, overdue = row[10:]
    if holder and overdue < 0:
        return PlacedSession(_stored(row[:10]), holder, address, timedelta())
    return PlacedSession(_stored(row[:10]), "", "", timedelta(microseconds=overdue or 0))


def _optional(moment: datetime | None) -> int | None:
    return None if moment is None else to_epoch_microseconds(moment)


def _microseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
