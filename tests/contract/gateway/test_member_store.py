"""Which gateways are alive, over both engines."""

from datetime import timedelta

from support.databases import OpenRoom

from wamesh.gateway.fleet.placement import Member
from wamesh.storage.database import Database, Steps, execute
from wamesh.storage.gateway.members import SqlMemberStore

LONG = timedelta(hours=1)


def names(members: list[Member]) -> list[tuple[str, str]]:
    """Name and address of each."""
    return [(each.node, each.address) for each in members]


async def age(database: Database, node: str, by: timedelta, *, over: bool = False) -> None:
    """Makes a member older than it is, and lets its time run out."""
    microseconds = by // timedelta(microseconds=1)

    def steps() -> Steps[None]:
        yield execute(
            "UPDATE gateways SET join_time = join_time - CAST($2 AS BIGINT) WHERE node = $1", node, microseconds
        )
        if over:
            yield execute("UPDATE gateways SET expire_time = 0 WHERE node = $1", node)

    await database.write(steps)


async def test_members_are_known_by_name(room_database: OpenRoom) -> None:
    """Whoever says that it is alive is, until it leaves."""
    store = SqlMemberStore(await room_database("gateway"))
    await store.renew("b", "b:50051", LONG)
    assert names(await store.renew("a", "a:50051", LONG)) == [("a", "a:50051"), ("b", "b:50051")]
    await store.leave("b")
    assert names(await store.renew("a", "a:50052", LONG)) == [("a", "a:50052")]


async def test_who_says_nothing_any_more_is_dead(room_database: OpenRoom) -> None:
    """A member is alive for as long as it said, by the database's clock."""
    store = SqlMemberStore(await room_database("gateway"))
    await store.renew("b", "b:50051", timedelta())
    assert names(await store.renew("a", "a:50051", LONG)) == [("a", "a:50051")]


async def test_age_counts_from_joining(room_database: OpenRoom) -> None:
    """Saying it again keeps the age; coming back from the dead begins anew."""
    database = await room_database("gateway")
    store = SqlMemberStore(database)
    await store.renew("a", "a:50051", LONG)
    await age(database, "a", timedelta(minutes=5))
    assert (await store.renew("a", "a:50051", LONG))[0].age >= timedelta(minutes=5)
    await age(database, "a", timedelta(minutes=5), over=True)
    assert (await store.renew("a", "a:50051", LONG))[0].age < timedelta(minutes=1)
