"""Whether a fleet that was struck kept its word: the network's log, held against the database and the hits.

    one holder      a device has one logged-in connection at most, none is replaced; all are connected in the end
    inbound         every message that a device received is answered once (`dialogues`)
    outbound        every Send has an outcome, and the outcome is the truth (`letters`); so has every reply
    bookings        as many as confirmations were read

A doubt or a loss is justified only by a hit on that company's session: the moments of the hit, and those at which the
network saw the company's connection end while the hit lasted. No loss is justified by a gateway that was killed or
terminated: its session processes end in order.

Owns: those moments, and putting the rules together. Refuses: to strike. Invariant: what is judged is not asked, except
for the outcomes that it told.
"""

from collections import Counter
from collections.abc import AsyncIterator, Container, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dialogues import Excuses, Turn, judge_bookings, judge_ids, judge_turns, turns_of
from judging import Verdict
from letters import DOUBT, Judge, Letter

# grpc after judging, which sets the environment that it loads in
# isort: split
import asyncpg
from fleet_striking import IN_ORDER, Hit
from support.fleet import Fleet, salon_number

from wamesh.booking.v1 import booking_pb2
from wamesh.emulator.v1 import emulator_pb2 as network
from wamesh.storage.database import schema_of

LOSS_WINDOW: Final = timedelta(seconds=1)
"""A message is lost between the library and the journal only when the process ends so soon after it came."""
DYING: Final = timedelta(seconds=2)
"""How long after a hit has ended its last victim may end: a process that woke up past its lease, or lost its store."""

_CONNECT_SECONDS: Final = 5.0
_INBOX: Final = "SELECT message_id FROM inbox_messages"
_REPLIES: Final = """
SELECT o.company_id, o.request_id, o.state, o.create_time, o.update_time,
    (SELECT max(i.phone_number) FROM inbox_messages i WHERE i.company_id = o.company_id AND i.chat = o.chat)
FROM outbox_messages o WHERE o.request_id NOT LIKE 'letter-%'
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that a worker sent, as the outbox has it."""

    company_id: int
    request_id: str
    state: str
    create_time: datetime
    update_time: datetime
    customer: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run left behind. `letters` are those whose sender has heard an outcome."""

    log: Sequence[network.Event]
    hits: Sequence[Hit]
    letters: Sequence[Letter]
    stored: Set[str]
    replies: Sequence[Reply]
    booked: Counter[str]

    @property
    def doubts(self) -> Counter[str]:
        """How many replies to each customer are UNKNOWN."""
        return Counter(reply.customer for reply in self.replies if reply.state == "UNKNOWN")

    def moments(self, company_id: int, but: Container[str] = ()) -> list[datetime]:
        """When something, `but` no strike of these kinds, may have ended a send or a message of the company midway."""
        hits = [hit for hit in self.hits if company_id in hit.companies and hit.kind not in but]
        ends = [
            _moment(event)
            for event in self.log
            if event.kind == network.EVENT_KIND_CONNECTION_CLOSED
            and event.account_phone_number == salon_number(company_id)
        ]
        during = [end for end in ends if any(hit.begin <= end <= hit.end + DYING for hit in hits)]
        return sorted([*during, *(hit.begin for hit in hits), *(hit.end for hit in hits)])


async def collect(
    fleet: Fleet, log: Sequence[network.Event], hits: Sequence[Hit], letters: Sequence[Letter]
) -> Evidence:
    """Gathers the evidence of a fleet that has come to rest."""
    async with connected(fleet) as connection:
        stored = {message_id for (message_id,) in await connection.fetch(_INBOX)}
        replies = [
            Reply(company_id, request_id, state, _time(created), _time(updated), customer or "")
            for company_id, request_id, state, created, updated, customer in await connection.fetch(_REPLIES)
        ]
    return Evidence(log, hits, letters, stored, replies, await _bookings(fleet))


@asynccontextmanager
async def connected(fleet: Fleet) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """A connection to the gateways' tables. Raises OSError, PostgresError."""
    schema = {"search_path": schema_of("gateway")}
    connection = await asyncpg.connect(fleet.database_url, server_settings=schema, timeout=_CONNECT_SECONDS)
    try:
        yield connection
    finally:
        connection.terminate()  # an orderly end waits for a server that may be gone


async def judged(fleet: Fleet, evidence: Evidence) -> Verdict:
    """The verdict."""
    verdict = Verdict()
    verdict.judge_connections(evidence.log)
    moments = {company_id: evidence.moments(company_id) for company_id in fleet.companies}
    await _judge_letters(verdict, fleet, evidence, moments)
    _judge_replies(verdict, evidence, moments)
    turns = turns_of(evidence.log)
    judge_turns(verdict, turns, _excuses(fleet, evidence))
    judge_ids(verdict, evidence.log)
    judge_bookings(verdict, turns, evidence.booked, evidence.doubts)
    return verdict


async def _judge_letters(
    verdict: Verdict, fleet: Fleet, evidence: Evidence, moments: Mapping[int, Sequence[datetime]]
) -> None:
    """Each company by itself: its letters, its account's log, its moments."""
    talking = {each.customer_phone_number for each in evidence.log if each.kind == network.EVENT_KIND_CUSTOMER_SENT}
    for company_id, kills in moments.items():
        account = salon_number(company_id)
        log = [
            each
            for each in evidence.log
            if each.account_phone_number == account
            and not (each.kind == network.EVENT_KIND_MESSAGE_SENT and each.customer_phone_number in talking)
        ]
        letters = [each for each in evidence.letters if each.company_id == company_id]
        await Judge(verdict, fleet.anywhere, log, kills).judge(letters)


def _judge_replies(verdict: Verdict, evidence: Evidence, moments: Mapping[int, Sequence[datetime]]) -> None:
    """Every reply has an outcome, and a reason for a doubt."""
    for reply in evidence.replies:
        verdict.counts[f"replies {reply.state}"] += 1
        what = f"reply {reply.request_id} of company {reply.company_id} to {reply.customer} is {reply.state}"
        if reply.state not in ("SENT", "DELIVERED", "READ", "UNKNOWN"):
            verdict.violations.append(f"{what} at the end")
        elif reply.state == "UNKNOWN":
            begun, doubted = reply.create_time, reply.update_time - DOUBT
            if not any(begun <= moment <= doubted for moment in moments[reply.company_id]):
                verdict.violations.append(f"{what}, and nothing struck between {begun:%X.%f} and {doubted:%X.%f}")


def _excuses(fleet: Fleet, evidence: Evidence) -> Excuses:
    by_salon = {salon_number(company_id): evidence.moments(company_id, but=IN_ORDER) for company_id in fleet.companies}

    def may_be_lost(turn: Turn) -> bool:
        return turn.came_near(by_salon[turn.salon], LOSS_WINDOW)

    return Excuses(evidence.stored, may_be_lost, evidence.doubts)


async def _bookings(fleet: Fleet) -> Counter[str]:
    """How many bookings each customer has, by phone number."""
    found: Counter[str] = Counter()
    for company_id in fleet.companies:
        request = booking_pb2.ListBookingsRequest(
            company_id=company_id, state=booking_pb2.BOOKING_STATE_CONFIRMED, page_size=1000
        )
        while True:
            part = await fleet.booking.ListBookings(request, wait_for_ready=True, timeout=60)
            found.update(each.customer.phone_number for each in part.bookings)
            if not part.next_page_token:
                break
            request.page_token = part.next_page_token
    return found


def _moment(event: network.Event) -> datetime:
    return event.event_time.ToDatetime(UTC)


def _time(microseconds: int) -> datetime:
    """A moment as the database has it."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
