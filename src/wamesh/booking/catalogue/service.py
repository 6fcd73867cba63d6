"""The Catalogue service of wamesh.booking.v1: each rpc as one read, or one change over the store.

Owns the way of each request: read the fields, say the edit, run it (`catalogue.changing`), write the answer. Refuses
SQL, and rules. A method is called with a request that protovalidate has accepted.
"""

import asyncio
import re
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar

from google.protobuf.message import Message

from wamesh.booking.calendar import Calendar, StaffMember
from wamesh.booking.catalogue import requests, wire
from wamesh.booking.catalogue.changing import Edit, Outcome, applied, change
from wamesh.booking.catalogue.edits import (
    CATEGORIES,
    RESOURCES,
    SERVICES,
    STAFF,
    absences_of,
    archive,
    archived_company,
    put,
    with_absence,
    with_company,
    without_absence,
)
from wamesh.booking.catalogue.errors import CatalogueInvalid
from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.booking.catalogue.values import MAX_ID
from wamesh.booking.errors import PageTokenInvalid
from wamesh.booking.stores import CalendarStore, Transactions
from wamesh.booking.v1 import catalogue_pb2 as pb
from wamesh.booking.v1 import catalogue_pb2_grpc
from wamesh.errors import Violation

R = TypeVar("R", bound=Message)

DEFAULT_PAGE_SIZE: Final = 100
NOWHERE: Final[requests.Places] = {}
"""Of requests with no part that the rest of a catalogue could contradict."""


class _Change(Protocol):
    """What the requests of all changes have."""

    company_id: int
    expected_revision: int


class CatalogueService(catalogue_pb2_grpc.CatalogueServicer):
    """Administers catalogues."""

    def __init__(self, database: Transactions, calendars: CalendarStore) -> None:
        self._database = database
        self._calendars = calendars

    async def GetCatalogue(self, request: pb.GetCatalogueRequest, context: Any) -> pb.GetCatalogueResponse:
        """Returns a whole catalogue."""
        return wire.catalogue_message(await self._database.read(lambda: self._calendars.read(request.company_id)))

    async def ListCompanies(self, request: pb.ListCompaniesRequest, context: Any) -> pb.ListCompaniesResponse:
        """Lists the companies by id."""
        limit, after = request.page_size or DEFAULT_PAGE_SIZE, _last_of_page(request.page_token)
        found = await self._database.read(
            lambda: self._calendars.companies(after, limit + 1, archived=request.show_archived)
        )
        shown = found[:limit]
        return pb.ListCompaniesResponse(
            companies=[wire.company_summary(company, revision) for company, revision in shown],
            next_page_token=str(shown[-1][0].company_id) if len(found) > limit else "",
        )

    async def ApplyCatalogue(self, request: pb.ApplyCatalogueRequest, context: Any) -> pb.ApplyCatalogueResponse:
        """Makes a company what a file says."""
        file = await asyncio.to_thread(parse_catalogue, request.yaml)
        if file.company.company_id != request.company_id:
            raise CatalogueInvalid([Violation("company.id", f"is not {request.company_id}, the company_id")])
        outcome = await self._database.write(
            lambda: applied(
                self._calendars,
                file,
                expected_revision=request.expected_revision,
                validate_only=request.validate_only,
            )
        )
        return pb.ApplyCatalogueResponse(changes=wire.change_messages(outcome.changes), revision=outcome.revision)

    async def UpsertCompany(self, request: pb.UpsertCompanyRequest, context: Any) -> pb.UpsertCompanyResponse:
        """Makes a company, or changes what it is."""
        company, places = requests.company_of(request.company_id, request.company)
        start = Calendar(company, (), ())
        outcome = await self._changed(request, lambda present: with_company(present, company), places, start)
        return _answer(pb.UpsertCompanyResponse, outcome, company=wire.company_entry(outcome.calendar.company))

    async def ArchiveCompany(self, request: pb.ArchiveCompanyRequest, context: Any) -> pb.ArchiveCompanyResponse:
        """Takes a company out of service."""
        outcome = await self._changed(request, archived_company)
        return _answer(pb.ArchiveCompanyResponse, outcome, company=wire.company_entry(outcome.calendar.company))

    async def UpsertCategory(self, request: pb.UpsertCategoryRequest, context: Any) -> pb.UpsertCategoryResponse:
        """Adds a group of services, or changes it."""

        def edit(present: Calendar) -> Calendar:
            return put(present, CATEGORIES, requests.category_of(request.category, present.company.language))

        outcome = await self._changed(request, edit)
        return _answer(pb.UpsertCategoryResponse, outcome, category=_category(outcome, request.category.category_id))

    async def ArchiveCategory(self, request: pb.ArchiveCategoryRequest, context: Any) -> pb.ArchiveCategoryResponse:
        """Archives a group of services."""
        outcome = await self._changed(request, lambda present: archive(present, CATEGORIES, request.category_id))
        return _answer(pb.ArchiveCategoryResponse, outcome, category=_category(outcome, request.category_id))

    async def UpsertResource(self, request: pb.UpsertResourceRequest, context: Any) -> pb.UpsertResourceResponse:
        """Adds a resource, or changes it."""

        def edit(present: Calendar) -> Calendar:
            return put(present, RESOURCES, requests.resource_of(request.resource, present.company.language))

        outcome = await self._changed(request, edit)
        return _answer(pb.UpsertResourceResponse, outcome, resource=_resource(outcome, request.resource.resource_id))

    async def ArchiveResource(self, request: pb.ArchiveResourceRequest, context: Any) -> pb.ArchiveResourceResponse:
        """Archives a resource."""
        outcome = await self._changed(request, lambda present: archive(present, RESOURCES, request.resource_id))
        return _answer(pb.ArchiveResourceResponse, outcome, resource=_resource(outcome, request.resource_id))

    async def UpsertService(self, request: pb.UpsertServiceRequest, context: Any) -> pb.UpsertServiceResponse:
        """Adds a service, or changes it."""

        def edit(present: Calendar) -> Calendar:
            return put(present, SERVICES, requests.service_of(request.service, present.company))

        outcome = await self._changed(request, edit, requests.places_of_service(request.service))
        return _answer(pb.UpsertServiceResponse, outcome, service=_service(outcome, request.service.service_id))

    async def ArchiveService(self, request: pb.ArchiveServiceRequest, context: Any) -> pb.ArchiveServiceResponse:
        """Archives a service."""
        outcome = await self._changed(request, lambda present: archive(present, SERVICES, request.service_id))
        return _answer(pb.ArchiveServiceResponse, outcome, service=_service(outcome, request.service_id))

    async def UpsertStaff(self, request: pb.UpsertStaffRequest, context: Any) -> pb.UpsertStaffResponse:
        """Adds a staff member, or changes them."""

        def edit(present: Calendar) -> Calendar:
            known = next((each for each in present.staff if each.staff_id == request.staff.staff_id), None)
            return put(present, STAFF, requests.member_of(request.staff, present.company, known))

        outcome = await self._changed(request, edit, requests.places_of_member(request.staff))
        return _answer(pb.UpsertStaffResponse, outcome, staff=_staff(outcome, request.staff.staff_id))

    async def ArchiveStaff(self, request: pb.ArchiveStaffRequest, context: Any) -> pb.ArchiveStaffResponse:
        """Archives a staff member."""
        outcome = await self._changed(request, lambda present: archive(present, STAFF, request.staff_id))
        return _answer(pb.ArchiveStaffResponse, outcome, staff=_staff(outcome, request.staff_id))

    async def SetSchedule(self, request: pb.SetScheduleRequest, context: Any) -> pb.SetScheduleResponse:
        """Sets when a staff member works."""
        weekly, overrides = requests.schedule_of(request.schedule)

        def edit(present: Calendar) -> Calendar:
            member: StaffMember = STAFF.find(present, request.staff_id)
            return put(present, STAFF, replace(member, weekly=weekly, overrides=overrides))

        outcome = await self._changed(request, edit)
        return _answer(pb.SetScheduleResponse, outcome, schedule=wire.schedule_message(weekly, overrides))

    async def AddAbsence(self, request: pb.AddAbsenceRequest, context: Any) -> pb.AddAbsenceResponse:
        """Adds time off of a staff member, or a closure."""
        absence = requests.absence_from(request.absence)
        outcome = await self._changed(request, lambda present: with_absence(present, request.staff_id, absence))
        absences = wire.absence_entries(absences_of(outcome.calendar, request.staff_id))
        return _answer(pb.AddAbsenceResponse, outcome, absences=absences)

    async def RemoveAbsence(self, request: pb.RemoveAbsenceRequest, context: Any) -> pb.RemoveAbsenceResponse:
        """Removes time off of a staff member, or a closure."""
        absence = requests.absence_from(request.absence)
        outcome = await self._changed(request, lambda present: without_absence(present, request.staff_id, absence))
        absences = wire.absence_entries(absences_of(outcome.calendar, request.staff_id))
        return _answer(pb.RemoveAbsenceResponse, outcome, absences=absences)

    async def _changed(
        self, request: _Change, edit: Edit, places: requests.Places = NOWHERE, start: Calendar | None = None
    ) -> Outcome:
        """Runs the change that a request asks for. Raises as `change`, with the paths of the request's fields."""
        company_id, expected = request.company_id, request.expected_revision
        try:
            return await self._database.write(
                lambda: change(self._calendars, company_id, edit, start=start, expected_revision=expected)
            )
        except CatalogueInvalid as invalid:
            raise CatalogueInvalid(requests.located(invalid.violations, places)) from invalid


def _last_of_page(token: str) -> int:
    """Returns the id at which the page before ended; 0 on the first. Raises PageTokenInvalid."""
    if not token:
        return 0
    if not re.fullmatch(r"[1-9][0-9]{0,18}", token) or int(token) > MAX_ID:
        raise PageTokenInvalid
    return int(token)


def _answer(kind: type[R], outcome: Outcome, **thing: Any) -> R:
    """Returns the response of a change: the thing, what changed, and the revision."""
    return kind(changes=wire.change_messages(outcome.changes), revision=outcome.revision, **thing)


def _category(outcome: Outcome, category_id: int) -> pb.CategoryEntry:
    return wire.category_entry(CATEGORIES.find(outcome.calendar, category_id))


def _resource(outcome: Outcome, resource_id: int) -> pb.ResourceEntry:
    return wire.resource_entry(RESOURCES.find(outcome.calendar, resource_id))


def _service(outcome: Outcome, service_id: int) -> pb.ServiceEntry:
    return wire.service_entry(SERVICES.find(outcome.calendar, service_id), outcome.calendar.company.currency)


def _staff(outcome: Outcome, staff_id: int) -> pb.StaffEntry:
    return wire.staff_entry(STAFF.find(outcome.calendar, staff_id), outcome.calendar.company.currency)
