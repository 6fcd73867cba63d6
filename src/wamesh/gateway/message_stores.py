"""The ports to the tables of inbox and outbox.

Owns: what the rooms need of a store, in their own words. Refuses: SQL, and any decision that needs no row.
Invariant: a method that returned is durable; one that raised changed nothing. Every write for a company
carries the lease's epoch and raises `LeaseLost` when it is not the current one, decided in the same
transaction.

`tests/contract/gateway` runs one suite over every adapter.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from wamesh.gateway.messages import Claim, DeadLetter, Draft, OutboxMessage, StoredMessage, SubscriptionProgress, Terms
from wamesh.whatsapp.events import InboundMessage, ReceiptReceived
from wamesh.whatsapp.jid import Jid


class InboxStore(Protocol):
    """Customers' messages, and how far each subscription has come in each conversation."""

    async def append(
        self, company_id: int, epoch: int, message: InboundMessage, now: datetime
    ) -> Mapping[str, datetime]:
        """Stores a message once, and makes it pending in every subscription.

        Returns when the conversation becomes due, by subscription; empty when the message was there already.
        Raises LeaseLost.
        """
        ...

    async def open(self, terms: Terms, now: datetime) -> None:
        """Makes the subscription known, with these waits; a new one begins at the earliest stored message."""
        ...

    async def claim(self, terms: Terms, limit: int, claimant: str, now: datetime) -> list[Claim]:
        """Reserves up to `limit` due conversations for `terms.ack_deadline`, the longest due first.

        A batch that was delivered `terms.max_attempts` times already becomes dead letters instead.
        """
        ...

    async def next_time(self, subscription: str, company_ids: Collection[int]) -> datetime | None:
        """When the next conversation of these companies (empty: of all) is due, or a deadline passes.

        Raises SubscriptionNotFound.
        """
        ...

    async def ack(self, claim: Claim) -> datetime | None:
        """Marks the claim's messages as done with; nothing happens when the claim is not open any more.

        Returns when the conversation's next batch is due, None when there is none.
        """
        ...

    async def give_back(self, claims: Sequence[Claim], due: datetime, *, counted: bool) -> None:
        """Ends claims without an ack; they are due again at `due`. `counted` says whether the attempt
        counts.
        """
        ...

    async def extend(self, claim: Claim, deadline: datetime) -> bool:
        """Moves the claim's deadline; False when it was not open any more."""
        ...

    async def release(self, claimant: str, now: datetime) -> None:
        """Gives back everything that `claimant` (a gateway that died) had reserved."""
        ...

    async def subscriptions(self) -> list[SubscriptionProgress]:
        """Every subscription, by name. Costs what is pending, however much is stored."""
        ...

    async def delete(self, subscription: str) -> None:
        """Forgets the subscription, its progress and its dead letters. Raises SubscriptionNotFound."""
        ...

    async def dead_letters(
        self, subscription: str, limit: int, *, after: int = 0, company_id: int | None = None
    ) -> Sequence[DeadLetter]:
        """The oldest dead letters after a sequence, in order, of one company or of all (None).

        Raises SubscriptionNotFound.
        """
        ...

    async def replay(self, subscription: str, now: datetime, *, company_id: int | None = None, chat: str = "") -> int:
        """Has dead letters delivered again, of one company or of all (None), of one of its chats or of all (empty).

        A conversation's come in order and before its newer messages, as soon as no claim of it is open; attempts count
        from 1. Returns how many wait for it because of this call. Raises SubscriptionNotFound.
        """
        ...

    async def read(self, company_id: int, conversation: str, limit: int) -> list[StoredMessage]:
        """The newest `limit` messages of the conversation, in order."""
        ...


class OutboxStore(Protocol):
    """Messages to customers, from the request to the receipt."""

    async def add(
        self, draft: Draft, secret: bytes, epoch: int, now: datetime, *, queued: bool
    ) -> tuple[OutboxMessage, bool]:
        """Stores a message as QUEUED or SENDING, or finds the one that has its request id.

        Returns the row, and whether this call added it. Raises LeaseLost.
        """
        ...

    async def get(self, company_id: int, request_id: str) -> OutboxMessage | None:
        """The message of this request id."""
        ...

    async def start(self, message: OutboxMessage, epoch: int, now: datetime) -> OutboxMessage:
        """QUEUED becomes SENDING. Raises LeaseLost."""
        ...

    async def finish(
        self, message: OutboxMessage, epoch: int, now: datetime, *, message_id: str = "", failure: str = ""
    ) -> OutboxMessage:
        """An open message becomes SENT with `message_id` (or further, by a receipt that came first), or
        FAILED with `failure`. Raises LeaseLost.
        """
        ...

    async def doubt(self, message: OutboxMessage, message_id: str, epoch: int, now: datetime) -> OutboxMessage:
        """Keeps the id of a send that may have reached WhatsApp: SENDING still, or what receipts prove.

        Raises LeaseLost.
        """
        ...

    async def give_up(self, message: OutboxMessage, epoch: int, now: datetime, failure: str) -> OutboxMessage:
        """SENDING becomes UNKNOWN. Returns the row as it is then. Raises LeaseLost."""
        ...

    async def renew(self, message: OutboxMessage, secret: bytes, epoch: int, now: datetime) -> OutboxMessage:
        """Gives a message in doubt the secret of its next send: SENDING still, or what a receipt proved.

        Raises LeaseLost.
        """
        ...

    async def cancel(self, company_id: int, request_id: str, epoch: int, now: datetime) -> OutboxMessage | None:
        """QUEUED becomes CANCELLED. Returns the row as it is then, None when there is none. Raises LeaseLost."""
        ...

    async def withdraw(self, message: OutboxMessage, epoch: int) -> None:
        """Removes an open message that surely was not sent. Raises LeaseLost."""
        ...

    async def note_receipts(
        self, company_id: int, epoch: int, receipts: Sequence[ReceiptReceived], now: datetime
    ) -> list[OutboxMessage]:
        """Moves messages forward, never back, in one transaction; returns those that moved, as often as they did.

        A receipt for a message that is still being sent is kept until its id is known. Raises LeaseLost.
        """
        ...

    async def contact(self, company_id: int, chat: Jid, epoch: int, limit: int, now: datetime) -> datetime | None:
        """Counts the chat as written to for the first time, unless it is known: it wrote, or was written to.

        Returns None when it may be written to, or else when there will be fewer than `limit` first contacts in 24
        hours. Raises LeaseLost.
        """
        ...

    async def open_messages(self, company_id: int) -> list[OutboxMessage]:
        """The company's SENDING messages, then those that are QUEUED and not scheduled, each in order."""
        ...

    async def scheduled(self, company_id: int, after: tuple[datetime, int], limit: int) -> list[OutboxMessage]:
        """The company's next scheduled messages that are QUEUED, in order of (schedule_time, sequence), which is
        greater than `after`.
        """
        ...

    async def expire(self, now: datetime, failure: str, limit: int) -> int:
        """Up to `limit` messages of any company that are QUEUED after their expire_time become FAILED; their number."""
        ...

    async def prune_receipts(self, older_than: timedelta, now: datetime) -> None:
        """Forgets receipts that waited for a message in vain."""
        ...
