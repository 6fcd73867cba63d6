"""The event log in SQL, for both engines.

Owns reading and pruning of the table `events`, which the triggers of migration 0007 write, and `events_pruned`: the
position of the last event that was removed. Refuses: writing events. Invariant: what was read after a position is all
that will ever stand between it and the page's end. The newest event is never removed, since SQLite counts on from it.

On PostgreSQL that holds because a page ends before the oldest transaction that has written and still runs, anywhere
on the server: `pg_snapshot_xmin`. A transaction that writes and is left open holds every reader back until it ends.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.gateway.event_log import CursorExpired, CursorUnknown, LoggedEvent, Page, Position
from wamesh.gateway.messages import DeliveryState, OutboxMessage
from wamesh.gateway.session.state import Reason, SessionState
from wamesh.gateway.sessions import SessionSnapshot
from wamesh.storage.database import Database, Engine, Steps, execute
from wamesh.storage.gateway.outbox_rows import MESSAGE_COLUMNS, outbox_message

_EXTENT: Final[dict[Engine, str]] = {
    "sqlite": """
SELECT transaction_id, sequence, 0, (SELECT MAX(sequence) FROM events), 0, 0 FROM events_pruned
""",
    "postgresql": """
SELECT transaction_id, sequence, pg_snapshot_xmin(snapshot), 0, pg_snapshot_xmax(snapshot),
    (SELECT transaction_id FROM events ORDER BY transaction_id DESC, sequence DESC LIMIT 1)
        >= pg_snapshot_xmin(snapshot)
FROM events_pruned, pg_current_snapshot() AS snapshot
""",
}

_READ = """
SELECT {transaction}, e.sequence, e.event_time, e.kind, e.company_id, e.state, e.state_time, e.epoch, e.reason,
    e.retry_time, e.device, e.lid, e.phone_number, e.message_id, e.failure, {message}
FROM events AS e LEFT JOIN outbox_messages AS m ON m.sequence = e.outbox_sequence
WHERE {after}{companies} ORDER BY {order} LIMIT $3
"""

_LAST_OLD = """
SELECT {transaction}, sequence FROM (
    SELECT e.* FROM events AS e WHERE {after} ORDER BY {order} LIMIT $3
) AS e WHERE e.event_time < $4 AND {not_newest} ORDER BY {newest_first} LIMIT 1
"""

_PRUNE = "DELETE FROM events AS e WHERE {upto} RETURNING 1"

_PRUNED = "SELECT transaction_id, sequence FROM events_pruned{lock}"

_NOTE_PRUNED = "UPDATE events_pruned SET transaction_id = $1, sequence = $2"

_WORDS: Final[dict[Engine, dict[str, str]]] = {
    "sqlite": {
        "transaction": "0",
        "after": "e.sequence > $2",
        "upto": "e.sequence <= $2",
        "order": "e.sequence",
        "newest_first": "e.sequence DESC",
        "not_newest": "e.sequence < (SELECT MAX(sequence) FROM events)",
    },
    "postgresql": {
        "transaction": "e.transaction_id",
        "after": "(e.transaction_id, e.sequence) > ($1, $2)"
        " AND e.transaction_id < pg_snapshot_xmin(pg_current_snapshot())",
        "upto": "(e.transaction_id, e.sequence) <= ($1, $2)",
        "order": "e.transaction_id, e.sequence",
        "newest_first": "e.transaction_id DESC, e.sequence DESC",
        "not_newest": "(e.transaction_id, e.sequence) <"
        " (SELECT transaction_id, sequence FROM events ORDER BY transaction_id DESC, sequence DESC LIMIT 1)",
    },
}

_MESSAGE_AT: Final = 15
_MESSAGE = ", ".join(f"m.{column.strip()}" for column in MESSAGE_COLUMNS.split(","))


class SqlEventLog:
    """The `EventLog` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        words = _WORDS[database.engine]
        self._extent = _EXTENT[database.engine]
        self._page = _READ.format(message=_MESSAGE, companies="{companies}", **words)
        self._last_old = _LAST_OLD.format(**words)
        self._prune = _PRUNE.format(**words)
        self._pruned = _PRUNED.format(lock=database.row_lock)

    async def latest(self) -> Position:
        """After everything that can be read now."""
        return (await self._database.read(self._measure)).latest

    async def earliest(self) -> Position:
        """Before everything that is kept."""
        return (await self._database.read(self._measure)).pruned

    async def check(self, position: Position) -> None:
        """Refuses a position whose successors are gone, and one that the log has not reached."""
        extent = await self._database.read(self._measure)
        if position > extent.furthest:
            raise CursorUnknown
        extent.require(position)

    async def read(self, after: Position, limit: int, company_ids: Collection[int] = ()) -> Page:
        """The next events after a position."""
        sql = self._page.format(companies=_among(company_ids))

        def steps() -> Steps[Page]:
            extent = yield from self._measure()
            extent.require(after)
            rows = yield execute(sql, after.transaction, after.sequence, limit)
            complete = len(rows) < limit
            end = max(extent.latest, after) if complete else Position(*rows[-1][:2])
            events = tuple(_event(row) for row in rows if _is_whole(row))
            return Page(events, end, complete, complete and extent.held_back)

        return await self._database.read(steps)

    async def prune(self, before: datetime, limit: int) -> int:
        """Removes the oldest events."""

        def steps() -> Steps[int]:
            pruned = yield execute(self._pruned)
            last = yield execute(self._last_old, *pruned[0], limit, to_epoch_microseconds(before))
            if not last:
                return 0
            gone = yield execute(self._prune, *last[0])
            yield execute(_NOTE_PRUNED, *last[0])
            return len(gone)

        return await self._database.write(steps)

    def _measure(self) -> Steps["_Extent"]:
        rows = yield execute(self._extent)
        transaction, sequence, running, newest, beyond, held_back = rows[0]
        pruned = Position(transaction, sequence)
        latest = max(Position(running, newest or 0), pruned)
        return _Extent(pruned, latest, max(Position(beyond, 0), latest), bool(held_back))


@dataclass(frozen=True, slots=True)
class _Extent:
    """How far the log reaches: events after `pruned` are kept, those up to `latest` can be read, and no cursor lies
    after `furthest`.
    """

    pruned: Position
    latest: Position
    furthest: Position
    held_back: bool

    def require(self, position: Position) -> None:
        """Raises CursorExpired when events after the position are gone."""
        if position < self.pruned:
            raise CursorExpired(position)


def _among(company_ids: Collection[int]) -> str:
    """A condition on the company; numbers are written out, since the engines bind lists differently."""
    return f" AND e.company_id IN ({', '.join(str(int(each)) for each in sorted(company_ids))})" if company_ids else ""


def _is_whole(row: tuple[Any, ...]) -> bool:
    """False for the event of a message that is gone: Send refused it in the end, or its retention has passed."""
    return row[3] == "SESSION" or row[_MESSAGE_AT] is not None


def _event(row: tuple[Any, ...]) -> LoggedEvent:
    transaction, sequence, time, kind = row[:4]
    change = _session(row) if kind == "SESSION" else _message(row)
    return LoggedEvent(Position(transaction, sequence), from_epoch_microseconds(time), change)


def _session(row: tuple[Any, ...]) -> SessionSnapshot:
    company_id, state, since, epoch, reason, retry, device, lid, phone_number = row[4:13]
    return SessionSnapshot(
        company_id=company_id,
        state=SessionState(state),
        reason=Reason(reason),
        since=from_epoch_microseconds(since),
        retry_time=None if retry is None else from_epoch_microseconds(retry),
        device=device,
        lid=lid,
        phone_number=phone_number,
        epoch=epoch,
    )


def _message(row: tuple[Any, ...]) -> OutboxMessage:
    """The outbox's row, turned back to the state that the event tells of."""
    return replace(
        outbox_message(row[_MESSAGE_AT:]),
        state=DeliveryState(row[5]),
        message_id=row[13],
        failure=row[14],
        update_time=from_epoch_microseconds(row[6]),
    )
