"""An operator's view of the flow of messages: subscriptions, dead letters, and what changes.

Every function returns an exit code: 0 for done, 1 for a refusal, which is printed with its reason.
"""

from datetime import UTC
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from wamesh.console.operator import with_gateway
from wamesh.gateway.v1 import gateway_pb2 as pb

_PAGE: Final = 1000
_console = Console(highlight=False)


def subscriptions() -> int:
    """Prints every subscription and how far behind it is; exit code 1 when one has dead letters."""

    async def call(gateway: Any) -> int:
        answer = await gateway.ListSubscriptions(pb.ListSubscriptionsRequest())
        table = Table("subscription", "pending", "oldest", "dead letters", box=None, padding=(0, 2, 0, 0))
        for each in answer.subscriptions:
            oldest = f"{each.oldest_pending_age.seconds} s" if each.HasField("oldest_pending_age") else "-"
            table.add_row(each.subscription, str(each.pending_conversations), oldest, str(each.dead_letters))
        _console.print(table)
        return 1 if any(each.dead_letters for each in answer.subscriptions) else 0

    return with_gateway(call)


def dead_letters(subscription: str, company_id: int | None, *, replay: bool) -> int:
    """Prints the messages that a subscription gave up on, oldest first, or has them delivered again."""

    async def call(gateway: Any) -> int:
        if replay:
            request = pb.ReplayDeadLettersRequest(subscription=subscription, company_id=company_id)
            answer = await gateway.ReplayDeadLetters(request)
            _console.print(f"{answer.replayed} to be delivered again")
            return 0
        table = Table("company", "chat", "given up", "attempts", "message", box=None, padding=(0, 2, 0, 0))
        listing = pb.ListDeadLettersRequest(subscription=subscription, company_id=company_id, page_size=_PAGE)
        while True:
            page = await gateway.ListDeadLetters(listing)
            for each in page.dead_letters:
                text = each.message.text or pb.ContentKind.Name(each.message.kind).removeprefix("CONTENT_KIND_")
                moment = f"{each.bury_time.ToDatetime(UTC):%Y-%m-%d %H:%M}Z" + (" replaying" if each.replaying else "")
                table.add_row(str(each.company_id), each.chat, moment, str(each.attempts), text)
            if not page.next_page_token:
                break
            listing.page_token = page.next_page_token
        _console.print(table)
        return 0

    return with_gateway(call)


def watch(company_id: int | None, after: str) -> int:
    """Prints each change of a session or an outgoing message as it happens, until Ctrl-C; `after` is a cursor."""

    async def call(gateway: Any) -> int:
        request = pb.WatchEventsRequest(company_ids=[company_id] if company_id else [])
        if after:
            request.after_cursor = after
        async for response in gateway.WatchEvents(request):
            begun = f"watching from {response.opened_cursor}"
            _console.print(_line(response.event) if response.HasField("event") else begun, soft_wrap=True)
        return 0

    return with_gateway(call)


def _line(event: pb.Event) -> str:
    moment = f"{event.event_time.ToDatetime(UTC):%H:%M:%S.%f}"[:-3]
    if event.HasField("session"):
        state = pb.SessionState.Name(event.session.state).removeprefix("SESSION_STATE_")
        what = f"session {state} ({event.session.reason})"
    else:
        state = pb.DeliveryState.Name(event.message.state).removeprefix("DELIVERY_STATE_")
        what = f"message {event.message.request_id} {state} {event.message.failure}".rstrip()
    return f"{moment} {event.cursor} company {event.company_id}: {what}"
