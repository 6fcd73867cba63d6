"""Sessions and leases over both engines: the SQL does what the pure rules say."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.databases import OpenRoom

from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.fleet import lease
from wamesh.gateway.fleet.lease import HeldElsewhere, Lease
from wamesh.gateway.session.state import Reason, Session, SessionState
from wamesh.gateway.stores import Device, PlacedSession, StoredSession
from wamesh.storage.gateway.sessions import SqlLeaseStore, SqlSessionStore

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
LONG = timedelta(hours=1)
EXPIRED = timedelta()
COMPANY = 7

STORED = StoredSession(
    COMPANY,
    3,
    Session(SessionState.DISCONNECTED, Reason.NETWORK_LOST, NOW, NOW + timedelta(minutes=1)),
    Device("12025550101:3@s.whatsapp.net", "987@lid", "+12025550101", "Salon"),
)


async def test_a_session_is_loaded_as_it_was_saved(room_database: OpenRoom) -> None:
    """Every field survives, the fraction of a second included; sessions come by company id."""
    store = SqlSessionStore(await room_database("gateway"))
    other = StoredSession(2, 1, Session(SessionState.UNPAIRED, Reason.REGISTERED, NOW))
    await store.save(STORED)
    await store.save(other)
    assert await store.load() == [other, STORED]


async def test_saving_again_replaces(room_database: OpenRoom) -> None:
    """One row a company: the last save of the same or a newer epoch counts."""
    store = SqlSessionStore(await room_database("gateway"))
    await store.save(STORED)
    stopped = replace(STORED, epoch=4, session=Session(SessionState.STOPPED, Reason.OPERATOR, NOW), device=Device())
    await store.save(stopped)
    assert await store.load() == [stopped]


async def test_an_old_epoch_saves_nothing(room_database: OpenRoom) -> None:
    """A holder that slept through its lease cannot overwrite what the next one wrote."""
    store = SqlSessionStore(await room_database("gateway"))
    await store.save(STORED)
    with pytest.raises(LeaseLost):
        await store.save(replace(STORED, epoch=2))
    assert await store.load() == [STORED]


async def test_a_session_is_found_with_its_lease(room_database: OpenRoom) -> None:
    """Who holds it and where, and the epoch of the lease, which may be newer than that of the row."""
    database = await room_database("gateway")
    store, leases = SqlSessionStore(database), SqlLeaseStore(database)
    assert await store.find(COMPANY) is None
    await store.save(replace(STORED, epoch=1))
    await leases.acquire(COMPANY, "a", "a:50051", LONG)
    await leases.acquire(COMPANY, "a", "a:50051", LONG)
    held = PlacedSession(replace(STORED, epoch=2), "a", "a:50051", timedelta())
    assert await store.find(COMPANY) == held
    assert await store.placed() == [held]
    assert await store.waiting() == []


@pytest.mark.parametrize("ended", ["released", "expired"])
async def test_a_session_without_a_holder_waits(room_database: OpenRoom, ended: str) -> None:
    """An active one whose lease is over, in whatever way, and it is told for how long; one at rest does not wait."""
    database = await room_database("gateway")
    store, leases = SqlSessionStore(database), SqlLeaseStore(database)
    await store.save(replace(STORED, epoch=1))
    await store.save(
        replace(STORED, company_id=8, epoch=1, session=Session(SessionState.REPLACED, Reason.LEASE_LOST, NOW))
    )
    for company_id in (COMPANY, 8):
        await leases.acquire(company_id, "a", "a:50051", LONG if ended == "released" else EXPIRED)
        if ended == "released":
            await leases.release(company_id, 1)
    (waiting,) = await store.waiting()
    assert (waiting.stored, waiting.holder, waiting.address) == (replace(STORED, epoch=1), "", "")
    assert timedelta() <= waiting.unheld_for < timedelta(minutes=1)


async def test_a_session_that_was_never_held_waits(room_database: OpenRoom) -> None:
    """No lease is as good as one that is over."""
    store = SqlSessionStore(await room_database("gateway"))
    await store.save(STORED)
    assert [each.stored for each in await store.waiting()] == [STORED]


async def test_a_lease_is_exclusive(room_database: OpenRoom) -> None:
    """Of many gateways that ask at once exactly one gets it, and the others learn its name and address."""
    store = SqlLeaseStore(await room_database("gateway"))
    names = [f"node-{number}" for number in range(8)]
    answers = await asyncio.gather(*(store.acquire(COMPANY, name, f"{name}:50051", LONG) for name in names))
    held = [answer for answer in answers if isinstance(answer, Lease)]
    assert [answer.epoch for answer in held] == [1]
    assert {(answer.holder, answer.address) for answer in answers} == {(held[0].holder, f"{held[0].holder}:50051")}


async def test_an_expired_lease_is_lost(room_database: OpenRoom) -> None:
    """It cannot be renewed, and the next gateway gets it with a higher epoch."""
    store = SqlLeaseStore(await room_database("gateway"))
    await store.acquire(COMPANY, "a", "", EXPIRED)
    assert await store.renew(COMPANY, 1, LONG) is False
    assert (await _acquired(store, "b", LONG)).epoch == 2


async def test_a_released_lease_is_free(room_database: OpenRoom) -> None:
    """The next gateway need not wait; the old one cannot renew, and cannot release what is not its own."""
    store = SqlLeaseStore(await room_database("gateway"))
    await store.acquire(COMPANY, "a", "", LONG)
    await store.release(COMPANY, 1)
    assert await store.renew(COMPANY, 1, LONG) is False
    assert (await _acquired(store, "b", LONG)).epoch == 2
    await store.release(COMPANY, 1)
    assert await store.renew(COMPANY, 2, LONG) is True


@pytest.mark.parametrize("seed", range(5))
async def test_the_sql_follows_the_rules(room_database: OpenRoom, seed: int) -> None:
    """Over any history the statements answer as the pure rules do."""
    store, draw = SqlLeaseStore(await room_database("gateway")), random.Random(seed)
    row: Lease | None = None
    for _ in range(60):
        epoch = draw.randint(0, 2) + (row.epoch if row else 0) - 1
        ttl, who = draw.choice([LONG, EXPIRED]), draw.choice("ab")
        match draw.choice(["acquire", "renew", "release"]):
            case "acquire":
                expected = lease.acquire(row, COMPANY, who, f"{who}:1", NOW, ttl)
                answer = await store.acquire(COMPANY, who, f"{who}:1", ttl)
                assert _facts(answer) == _facts(expected)
                row = expected if isinstance(expected, Lease) else row
            case "renew":
                renewed = lease.renew(row, epoch, NOW, ttl)
                assert await store.renew(COMPANY, epoch, ttl) is (renewed is not None)
                row = renewed or row
            case _:
                row = lease.release(row, epoch, NOW)
                await store.release(COMPANY, epoch)


async def _acquired(store: SqlLeaseStore, holder: str, ttl: timedelta) -> Lease:
    answer = await store.acquire(COMPANY, holder, "", ttl)
    assert isinstance(answer, Lease)
    return answer


def _facts(answer: Lease | HeldElsewhere) -> tuple[object, ...]:
    """The answer without its times, which are the database's own."""
    epoch = answer.epoch if isinstance(answer, Lease) else None
    return type(answer), answer.holder, answer.address, epoch
