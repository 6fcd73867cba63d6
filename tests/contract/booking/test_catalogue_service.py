"""What the rpcs of Catalogue promise, over both databases."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from support.databases import OpenRoom

from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue.changing import load_catalogue
from wamesh.booking.catalogue.errors import CatalogueChanged, CatalogueInvalid
from wamesh.booking.catalogue.file import read_catalogue
from wamesh.booking.catalogue.service import CatalogueService
from wamesh.booking.errors import CompanyNotFound
from wamesh.booking.v1 import catalogue_pb2 as pb
from wamesh.console.seed import DEMO_SALON
from wamesh.errors import MeshError
from wamesh.rpc import validation
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import Database

Content: TypeAlias = dict[str, Any]

CHAIR = {"resource_id": 5, "name": "Кресло", "localized_names": {"en": "Chair"}, "quantity": 2}
HAIR = {"category_id": 5, "name": "Волосы"}
PERM: Content = {
    "service_id": 7,
    "name": "Завивка",
    "duration": "5400s",
    "price": {"currency_code": "EUR", "units": 60, "nanos": 500_000_000},
    "category_id": 5,
    "needs": [{"resource_id": 5}],
    "shortest_duration": "3600s",
    "longest_duration": "7200s",
}
VERA = {"staff_id": 4, "name": "Вера", "skills": [{"service_id": 7}]}
MONDAYS = {"weekly": [{"day_of_week": 1, "hours": [{"start": "10:00", "end": "18:00"}]}]}
CHRISTMAS = {"dates": {"first_date": "2026-12-25"}, "note": "Christmas"}
SHOP = {"name": "Shop", "time_zone": "UTC", "language": "en", "currency_code": "EUR"}


class Desk:
    """The service as its callers see it: requests as plain content, field rules included."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.calendars = CalendarTables(database)
        self.service = CatalogueService(database, self.calendars)

    async def call(self, rpc: str, **content: Any) -> Any:
        """Calls an rpc about company 1 unless the content names another."""
        request: Message = getattr(pb, f"{rpc}Request")()
        fields = request.DESCRIPTOR.fields_by_name
        company = {"company_id": 1} if "company_id" in fields else {}
        json_format.ParseDict({**company, **content}, request)
        validation.check(request)
        return await getattr(self.service, rpc)(request, None)

    async def stored(self) -> Calendar:
        """Company 1 as the store has it."""
        return await self.database.read(lambda: self.calendars.read(1))


@pytest.fixture
async def desk(room_database: OpenRoom) -> Desk:
    """The service with the demo salon, a category and a resource."""
    made = Desk(await room_database("booking"))
    await load_catalogue(read_catalogue(DEMO_SALON), made.database, made.calendars)
    await made.call("UpsertCategory", category=HAIR)
    await made.call("UpsertResource", resource=CHAIR)
    return made


async def refused(call: Awaitable[object]) -> MeshError:
    """What a call that must fail is refused with."""
    with pytest.raises(MeshError) as error:
        await call
    return error.value


# Each change with its content; in this order each is right after those before it.
CHANGES: tuple[tuple[str, Content], ...] = (
    ("UpsertCompany", {"company": {**SHOP, "language": "ru", "holidays": {"country_code": "DE"}}}),
    ("UpsertCategory", {"category": {"category_id": 6, "name": "Ногти"}}),
    ("UpsertResource", {"resource": {"resource_id": 6, "name": "Комната"}}),
    ("UpsertService", {"service": PERM}),
    ("UpsertStaff", {"staff": VERA}),
    ("SetSchedule", {"staff_id": 4, "schedule": MONDAYS}),
    ("AddAbsence", {"staff_id": 4, "absence": CHRISTMAS}),
    ("AddAbsence", {"absence": CHRISTMAS}),
    ("RemoveAbsence", {"staff_id": 4, "absence": CHRISTMAS}),
    ("RemoveAbsence", {"absence": CHRISTMAS}),
    ("ArchiveStaff", {"staff_id": 4}),
    ("ArchiveService", {"service_id": 7}),
    ("ArchiveResource", {"resource_id": 5}),
    ("ArchiveCategory", {"category_id": 5}),
    ("ArchiveCompany", {}),
)


async def test_each_change_is_told_and_raises_the_revision(desk: Desk) -> None:
    """By one; the answer has what changed, and the store says the same."""
    revision = (await desk.stored()).revision
    for rpc, content in CHANGES:
        answer = await desk.call(rpc, **content)
        assert (answer.revision, bool(answer.changes)) == (revision + 1, True), rpc
        revision = answer.revision
        assert (await desk.stored()).revision == revision


async def test_each_change_may_be_repeated(desk: Desk) -> None:
    """The second time it answers the same thing and changes nothing, also when it expects the old revision."""
    for rpc, content in CHANGES:
        before = (await desk.stored()).revision
        first = await desk.call(rpc, **content, expected_revision=before)
        second = await desk.call(rpc, **content, expected_revision=before)
        assert (list(second.changes), second.revision) == ([], first.revision), rpc
        del first.changes[:]
        assert second == first


async def test_a_change_of_another_revision_is_refused(desk: Desk) -> None:
    """The caller looked at something else; nothing changes."""
    before = await desk.stored()
    for rpc, content in CHANGES[:4]:
        refusal = await refused(desk.call(rpc, **content, expected_revision=before.revision - 1))
        assert isinstance(refusal, CatalogueChanged)
        assert refusal.metadata["revision"] == str(before.revision)
    assert await desk.stored() == before


@pytest.mark.parametrize(("rpc", "content"), CHANGES[1:], ids=[rpc for rpc, _ in CHANGES[1:]])
async def test_an_unknown_company_is_not_found(desk: Desk, rpc: str, content: Content) -> None:
    """By every change but those that can make one."""
    assert isinstance(await refused(desk.call(rpc, **content, company_id=404)), CompanyNotFound)


async def test_a_service_is_kept_as_it_was_given(desk: Desk) -> None:
    """The answer, the whole catalogue and a difference all have it."""
    answer = await desk.call("UpsertService", service=PERM)
    assert json_format.MessageToDict(answer.service, preserving_proto_field_name=True)["price"] == {
        "currency_code": "EUR",
        "units": "60",
        "nanos": 500_000_000,
    }
    assert answer.changes[0].path == "services[id 7]"
    assert (await desk.call("GetCatalogue")).services[-1] == answer.service
    dearer = await desk.call("UpsertService", service={**PERM, "price": {"currency_code": "EUR", "units": 70}})
    assert [(each.path, each.before, each.after) for each in dearer.changes] == [
        ("services[id 7].price", "60.50", "70")
    ]


async def test_what_contradicts_is_named_by_the_field(desk: Desk) -> None:
    """All at once, with the fields of the request; nothing is stored."""
    before = await desk.stored()
    service = {**PERM, "category_id": 9, "needs": [{"resource_id": 5, "quantity": 3}, {"resource_id": 8}]}
    refusal = await refused(desk.call("UpsertService", service=service))
    assert isinstance(refusal, CatalogueInvalid)
    assert {each.field for each in refusal.violations} == {
        "service.category_id",
        "service.needs[0].quantity",
        "service.needs[1].resource_id",
    }
    refusal = await refused(desk.call("UpsertStaff", staff={**VERA, "skills": [{"service_id": 99}]}))
    assert isinstance(refusal, CatalogueInvalid)
    assert [each.field for each in refusal.violations] == ["staff.skills[0].service_id"]
    company = {**SHOP, "language": "ru", "holidays": {"country_code": "XX"}}
    refusal = await refused(desk.call("UpsertCompany", company=company))
    assert isinstance(refusal, CatalogueInvalid)
    assert [each.field for each in refusal.violations] == ["company.holidays.country_code"]
    assert await desk.stored() == before


async def test_what_others_need_cannot_go(desk: Desk) -> None:
    """A resource or category of a service that is offered; the path says of which."""
    await desk.call("UpsertService", service=PERM)
    for rpc, content, path in (
        ("ArchiveResource", {"resource_id": 5}, "services[id 7].needs[resource 5]"),
        ("ArchiveCategory", {"category_id": 5}, "services[id 7].category"),
    ):
        refusal = await refused(desk.call(rpc, **content))
        assert isinstance(refusal, CatalogueInvalid)
        assert [each.field for each in refusal.violations] == [path]


async def test_what_is_archived_comes_back(desk: Desk) -> None:
    """With its next upsert; its time off and schedule were kept."""
    await desk.call("UpsertService", service=PERM)
    await desk.call("UpsertStaff", staff={**VERA, "schedule": MONDAYS})
    await desk.call("AddAbsence", staff_id=4, absence=CHRISTMAS)
    before = await desk.stored()
    assert (await desk.call("ArchiveStaff", staff_id=4)).staff.archived
    assert not (await desk.call("UpsertStaff", staff=VERA)).staff.archived
    assert await desk.stored() == before


async def test_a_change_leaves_what_other_calendars_tell(desk: Desk) -> None:
    """It is of the calendar, not of any file or request."""
    calendar = await desk.stored()
    told = replace(calendar, staff=(replace(calendar.staff[0], busy={"phone": ((0, 60),)}), *calendar.staff[1:]))
    await desk.database.write(lambda: desk.calendars.replace(told))
    await desk.call("SetSchedule", staff_id=1, schedule=MONDAYS)
    yaml = (await desk.call("GetCatalogue")).yaml
    await desk.call("ApplyCatalogue", yaml=yaml.replace("Анна", "Аня"))
    member = (await desk.stored()).staff[0]
    assert (member.name, member.busy) == ("Аня", {"phone": ((0, 60),)})


async def test_a_file_can_be_tried_first(desk: Desk) -> None:
    """validate_only tells what would change, and changes nothing."""
    before = await desk.stored()
    yaml = (await desk.call("GetCatalogue")).yaml.replace("price: 35", "price: 38")
    tried = await desk.call("ApplyCatalogue", yaml=yaml, validate_only=True)
    assert [(each.path, each.before, each.after) for each in tried.changes] == [("services[id 1].price", "35", "38")]
    assert (tried.revision, await desk.stored()) == (before.revision, before)
    applied = await desk.call("ApplyCatalogue", yaml=yaml, expected_revision=before.revision)
    assert (applied.changes, applied.revision) == (tried.changes, before.revision + 1)
    again = await desk.call("ApplyCatalogue", yaml=yaml)
    assert (list(again.changes), again.revision) == ([], applied.revision)


async def test_a_file_archives_what_it_does_not_name(desk: Desk) -> None:
    """And brings it back."""
    yaml = (await desk.call("GetCatalogue")).yaml
    before = await desk.stored()
    head, _, _ = yaml.partition("  - id: 3\n    name: {ru: Олег")
    gone = await desk.call("ApplyCatalogue", yaml=head)
    assert [(each.path, each.after) for each in gone.changes] == [("staff[id 3].archived", "true")]
    await desk.call("ApplyCatalogue", yaml=yaml)
    assert await desk.stored() == before


async def test_a_file_is_of_the_company_that_was_asked_for(desk: Desk) -> None:
    """So that no tool mixes up two."""
    yaml = (await desk.call("GetCatalogue")).yaml
    refusal = await refused(desk.call("ApplyCatalogue", company_id=2, yaml=yaml))
    assert isinstance(refusal, CatalogueInvalid)
    assert refusal.problems == ["company.id: is not 2, the company_id"]
    refusal = await refused(desk.call("ApplyCatalogue", yaml="company: 1"))
    assert isinstance(refusal, CatalogueInvalid)
    assert refusal.problems[0] == "company: must be a mapping of keys to values"


async def test_a_company_is_made_by_its_first_upsert(desk: Desk) -> None:
    """Not with an expected revision, which a company has only once it is there."""
    assert isinstance(
        await refused(desk.call("UpsertCompany", company_id=2, company=SHOP, expected_revision=1)), CompanyNotFound
    )
    made = await desk.call("UpsertCompany", company_id=2, company=SHOP)
    assert (made.company.step_duration.seconds, made.company.horizon_duration.seconds) == (15 * 60, 60 * 86_400)
    assert made.revision == (await desk.call("GetCatalogue", company_id=2)).revision


async def test_companies_are_listed_in_pages(desk: Desk) -> None:
    """By id, archived ones only when asked for."""
    for company_id in (7, 3, 2**63 - 1):
        await desk.call("UpsertCompany", company_id=company_id, company=SHOP)
    await desk.call("ArchiveCompany", company_id=3)
    assert await listed(desk, page_size=1) == [1, 7, 2**63 - 1]
    assert await listed(desk, page_size=2, show_archived=True) == [1, 3, 7, 2**63 - 1]
    refusal = await refused(desk.call("ListCompanies", page_token="second"))
    assert refusal.reason == "PAGE_TOKEN_INVALID"


async def listed(desk: Desk, **content: Any) -> list[int]:
    """The ids of all pages."""
    found: list[int] = []
    token = ""
    while True:
        page = await desk.call("ListCompanies", **content, page_token=token)
        found += [each.company_id for each in page.companies]
        token = page.next_page_token
        if not token:
            return found


async def test_two_changes_at_once_both_happen(desk: Desk) -> None:
    """Each sees the other's: none is lost."""
    await asyncio.gather(
        *(desk.call("AddAbsence", absence={"dates": {"first_date": f"2026-12-{day}"}}) for day in range(10, 20))
    )
    assert len((await desk.stored()).closures) == 10
