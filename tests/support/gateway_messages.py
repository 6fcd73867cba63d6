"""Messages, drafts and leases for the tests of inbox and outbox. Numbers are fictional."""

from datetime import UTC, datetime, timedelta
from typing import Any

from wamesh.gateway.messages import Draft, Terms
from wamesh.storage.database import Database, Steps, execute
from wamesh.whatsapp.events import InboundMessage
from wamesh.whatsapp.jid import Jid

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANNA = Jid.of_phone_number("+12025550101")
ANNA_HIDDEN = Jid("98765432101234", "lid")
BORIS = Jid.of_phone_number("+12025550102")


def seconds(number: float) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=number)


def inbound(message_id: str, chat: Jid = ANNA, **fields: Any) -> InboundMessage:
    """A customer's text."""
    known: dict[str, Any] = {"sender": chat, "time": NOON, "text": f"text of {message_id}"} | fields
    return InboundMessage(chat=chat, message_id=message_id, **known)


def draft(request_id: str = "r-1", **fields: Any) -> Draft:
    """A message that company 7 wants to send to Anna."""
    known: dict[str, Any] = {"company_id": 7, "chat": ANNA, "text": "See you at ten."}
    return Draft(request_id=request_id, **(known | fields))


def terms(subscription: str = "worker", **fields: Any) -> Terms:
    """A client that wants every message at once."""
    known: dict[str, Any] = {"quiet_period": timedelta(0), "max_wait": timedelta(0)}
    return Terms(subscription, **(known | fields))


async def grant_lease(database: Database, company_id: int, epoch: int) -> None:
    """Makes `epoch` the company's current one."""

    def steps() -> Steps[None]:
        yield execute(
            "INSERT INTO leases (company_id, holder, address, epoch, expire_time) VALUES ($1, 'g', '', $2, 0) "
            "ON CONFLICT (company_id) DO UPDATE SET epoch = excluded.epoch",
            company_id,
            epoch,
        )

    await database.write(steps)
