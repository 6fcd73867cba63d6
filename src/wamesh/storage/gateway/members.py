"""The gateways that are alive, in SQL.

Owns the table `gateways`. Refuses: deciding what follows from it. Invariant: expiry and age are judged by the
database's clock alone.
"""

from datetime import timedelta

from wamesh.gateway.fleet.placement import Member
from wamesh.storage.database import Database, Steps, execute
from wamesh.storage.gateway.clock import NOW

_RENEW = """
INSERT INTO gateways (node, address, join_time, expire_time) VALUES ($1, $2, {now}, {now} + CAST($3 AS BIGINT))
ON CONFLICT (node) DO UPDATE SET
    address = excluded.address,
    join_time = CASE WHEN gateways.expire_time > {now} THEN gateways.join_time ELSE {now} END,
    expire_time = excluded.expire_time
"""

_ALIVE = "SELECT node, address, {now} - join_time FROM gateways WHERE expire_time > {now} ORDER BY node"

_FORGET = "DELETE FROM gateways WHERE expire_time <= {now}"

_LEAVE = "DELETE FROM gateways WHERE node = $1"


class SqlMemberStore:
    """The `MemberStore` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        now = NOW[database.engine]
        self._renew = _RENEW.format(now=now)
        self._alive = _ALIVE.format(now=now)
        self._forget = _FORGET.format(now=now)

    async def renew(self, node: str, address: str, ttl: timedelta) -> list[Member]:
        """Says that `node` is alive, and returns all that are; forgets those that are not."""

        def steps() -> Steps[list[Member]]:
            yield execute(self._renew, node, address, ttl // timedelta(microseconds=1))
            yield execute(self._forget)
            return (yield from self._members())

        return await self._database.write(steps)

    async def alive(self) -> list[Member]:
        """Returns the gateways that are alive."""
        return await self._database.read(self._members)

    async def leave(self, node: str) -> None:
        """Says that `node` ends."""

        def steps() -> Steps[None]:
            yield execute(_LEAVE, node)

        await self._database.write(steps)

    def _members(self) -> Steps[list[Member]]:
        rows = yield execute(self._alive)
        return [Member(name, at, timedelta(microseconds=age)) for name, at, age in rows]
