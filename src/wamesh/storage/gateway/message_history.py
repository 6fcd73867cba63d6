"""The messages of inbox and outbox together, newest first, in SQL for both engines.

Owns no table: it reads those of inbox and outbox. Refuses: writing. Invariant: a page costs the same however many
messages are stored, since it is put together from *runs*, each of them the newest rows of one stretch of an index: a
company's messages, those with one address, those that are in one state.

No index is spent on SENT, DELIVERED and READ, through which every message goes: a page of these walks back through the
company's messages until it is full.
"""

from collections.abc import Iterable, Sequence, Set
from typing import Any, Final

from wamesh.gateway.message_history import Direction, HistoryFilter, HistoryPage, ListedMessage, Place, merged
from wamesh.gateway.messages import SUCCESSES, DeliveryState
from wamesh.storage.database import Database, Statement, Steps, execute
from wamesh.storage.gateway import inbox_rows as inbox
from wamesh.storage.gateway import outbox_rows as outbox

_ADDRESSES = """
SELECT jid FROM inbox_identities WHERE company_id = $1 AND conversation = (
    SELECT conversation FROM inbox_identities WHERE company_id = $1 AND jid = $2
)
"""

_RUN = """
SELECT * FROM (
    SELECT sequence FROM {table} WHERE company_id = $1 AND sequence < $2{stretch} ORDER BY sequence DESC LIMIT $3
) AS run
"""

_NEWEST = """
SELECT COALESCE(i.conversation, m.{address}), {columns}
FROM (SELECT sequence FROM ({runs}) AS runs ORDER BY sequence DESC LIMIT $3) AS newest
    JOIN {table} AS m ON m.sequence = newest.sequence
    LEFT JOIN inbox_identities AS i ON i.company_id = m.company_id AND i.jid = m.{address}
ORDER BY m.sequence DESC
"""

_FIRST_ADDRESS: Final = 4  # the placeholders before it are company, place and limit


class SqlMessageHistory:
    """The `MessageHistory` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: HistoryFilter, before: Place, size: int) -> HistoryPage:
        """At most `size` messages before a place."""

        def steps() -> Steps[HistoryPage]:
            addresses = yield from _addresses(wanted)
            received = yield from _inbound(wanted, addresses, before.inbound, size + 1)
            sent = yield from _outgoing(wanted, addresses, before.outgoing, size + 1)
            return merged(received, sent, before, size)

        return await self._database.read(steps)


def _addresses(wanted: HistoryFilter) -> Steps[list[str]]:
    """Every known address of the customer that is asked for, that one included; none when all are."""
    if wanted.chat is None:
        return []
    rows = yield execute(_ADDRESSES, wanted.company_id, str(wanted.chat))
    return sorted({str(wanted.chat), *(row[0] for row in rows)})


def _inbound(wanted: HistoryFilter, addresses: list[str], before: int, limit: int) -> Steps[list[ListedMessage]]:
    if not wanted.includes(Direction.INBOUND):
        return []
    stretches = [f" AND conversation = {each}" for each in _placeholders(addresses)] or [""]
    sql = _newest("inbox_messages", "conversation", inbox.MESSAGE_COLUMNS, stretches)
    rows = yield _bound(sql, wanted, addresses, before, limit)
    return [ListedMessage(row[0], inbox.stored_message(row[1:])) for row in rows]


def _outgoing(wanted: HistoryFilter, addresses: list[str], before: int, limit: int) -> Steps[list[ListedMessage]]:
    if not wanted.includes(Direction.OUTGOING):
        return []
    if addresses:
        among = _among(wanted.states) if wanted.states else ""
        stretches = [f" AND chat = {each}{among}" for each in _placeholders(addresses)]
    else:
        stretches = _stretches(wanted.states)
    sql = _newest("outbox_messages", "chat", outbox.MESSAGE_COLUMNS, stretches)
    rows = yield _bound(sql, wanted, addresses, before, limit)
    return [ListedMessage(row[0], outbox.outbox_message(row[1:])) for row in rows]


def _newest(table: str, address: str, columns: str, stretches: Iterable[str]) -> str:
    runs = "UNION ALL".join(_RUN.format(table=table, stretch=stretch) for stretch in stretches)
    qualified = ", ".join(f"m.{column.strip()}" for column in columns.split(","))
    return _NEWEST.format(table=table, address=address, columns=qualified, runs=runs)


def _bound(sql: str, wanted: HistoryFilter, addresses: Sequence[str], before: int, limit: int) -> Statement:
    values: list[Any] = [wanted.company_id, before, limit, *addresses]
    return Statement(sql, tuple(values))


def _placeholders(addresses: Sequence[str]) -> list[str]:
    return [f"${number}" for number in range(_FIRST_ADDRESS, _FIRST_ADDRESS + len(addresses))]


def _stretches(states: Set[DeliveryState]) -> list[str]:
    """One for each state that has its own stretch of an index, and one for those that have none."""
    if not states:
        return [""]
    runs = [f" AND state = '{state.value}'" for state in sorted(states - SUCCESSES)]
    return [*runs, _among(states & SUCCESSES)] if states & SUCCESSES else runs


def _among(states: Set[DeliveryState]) -> str:
    return f" AND state IN ({', '.join(repr(state.value) for state in sorted(states))})"
