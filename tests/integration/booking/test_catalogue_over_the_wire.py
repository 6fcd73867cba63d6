"""The Catalogue servicer behind the production server: statuses, details and routes as a client sees them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.inline_database import inline_database
from support.messages import messages

from wamesh.api.bindings import Table
from wamesh.booking.catalogue import errors as catalogue_errors
from wamesh.booking.catalogue.changing import load_catalogue
from wamesh.booking.catalogue.file import read_catalogue
from wamesh.booking.catalogue.service import CatalogueService
from wamesh.booking.v1 import booking_pb2, catalogue_pb2_grpc
from wamesh.booking.v1 import catalogue_pb2 as pb
from wamesh.console.seed import DEMO_SALON
from wamesh.errors import MeshError
from wamesh.rpc import validation
from wamesh.rpc.errors import Refusal, refusal_of
from wamesh.rpc.server import Server, Service
from wamesh.settings import BookingSettings
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import room_database

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["Catalogue"]
COMPANY = {"name": "Shop", "time_zone": "UTC", "language": "en", "currency_code": "EUR"}
SERVICE = {"service_id": 9, "name": "Завивка", "duration": "1800s"}
ABSENCE = {"dates": {"first_date": "2026-12-25"}}

# For each rpc a request that is right.
RIGHT: dict[str, dict[str, Any]] = {
    "GetCatalogue": {},
    "ListCompanies": {},
    "ApplyCatalogue": {"yaml": "company: {id: 1, name: A, time_zone: UTC, language: en, currency: EUR}"},
    "UpsertCompany": {"company": COMPANY},
    "ArchiveCompany": {},
    "UpsertCategory": {"category": {"category_id": 1, "name": "Волосы"}},
    "ArchiveCategory": {"category_id": 1},
    "UpsertResource": {"resource": {"resource_id": 1, "name": "Кресло"}},
    "ArchiveResource": {"resource_id": 1},
    "UpsertService": {"service": SERVICE},
    "ArchiveService": {"service_id": 1},
    "UpsertStaff": {"staff": {"staff_id": 9, "name": "Вера"}},
    "ArchiveStaff": {"staff_id": 1},
    "SetSchedule": {"staff_id": 1, "schedule": {}},
    "AddAbsence": {"absence": ABSENCE},
    "RemoveAbsence": {"absence": ABSENCE},
}


def request_of(rpc: str, **changes: Any) -> Message:
    """The right request of an rpc with some fields changed; about company 1."""
    request: Message = getattr(pb, f"{rpc}Request")()
    about = {"company_id": 1} if "company_id" in request.DESCRIPTOR.fields_by_name else {}
    content = {**about, **RIGHT[rpc], **changes}
    return json_format.ParseDict({key: value for key, value in content.items() if value is not None}, request)


@pytest.fixture
async def stub(tmp_path: Path) -> AsyncIterator[Any]:
    """A client of a server with the demo salon in an SQLite file."""
    target = BookingSettings(data_directory=tmp_path / "data")
    async with room_database(target.room_database_url("booking"), "booking") as database:
        calendars = CalendarTables(database)
        await load_catalogue(read_catalogue(DEMO_SALON), database, calendars)
        servicer = CatalogueService(database, calendars)
        service = Service(DESCRIPTOR.full_name, servicer, catalogue_pb2_grpc.add_CatalogueServicer_to_server)
        server = await Server([service], "127.0.0.1:0").start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield catalogue_pb2_grpc.CatalogueStub(channel)
        await server.stop(0)


async def refused(call: Awaitable[object]) -> Refusal:
    """What the server answered to a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return refusal_of(error.value)


def test_every_rpc_is_tried_here() -> None:
    """So that a new one is not forgotten."""
    assert set(RIGHT) == {each.name for each in DESCRIPTOR.methods}


async def test_a_catalogue_is_administered_over_the_wire(stub: Any) -> None:
    """Each rpc with a right request, in the contract's order."""
    for each in DESCRIPTOR.methods:
        await getattr(stub, each.name)(request_of(each.name))


async def test_refusals_have_the_status_of_their_kind(stub: Any) -> None:
    """And the reason that the proto names, with the fields."""
    broken = {**SERVICE, "category_id": 77}
    for call, code, reason, fields in (
        (stub.ArchiveStaff(request_of("ArchiveStaff", staff_id=77)), "NOT_FOUND", "STAFF_NOT_FOUND", []),
        (stub.ArchiveCategory(request_of("ArchiveCategory", category_id=77)), "NOT_FOUND", "CATEGORY_NOT_FOUND", []),
        (stub.GetCatalogue(request_of("GetCatalogue", company_id=7)), "NOT_FOUND", "COMPANY_NOT_FOUND", []),
        (
            stub.UpsertService(request_of("UpsertService", service=broken)),
            "INVALID_ARGUMENT",
            "CATALOGUE_INVALID",
            ["service.category_id"],
        ),
        (
            stub.UpsertService(request_of("UpsertService", service={**SERVICE, "duration": "90000s"})),
            "INVALID_ARGUMENT",
            "FIELD_RULE_BROKEN",
            ["service.duration"],
        ),
        (
            stub.ArchiveStaff(request_of("ArchiveStaff", expected_revision=77)),
            "ABORTED",
            "CATALOGUE_CHANGED",
            [],
        ),
    ):
        refusal = await refused(call)
        assert (refusal.code.name, refusal.reason) == (code, reason)
        assert [each.field for each in refusal.violations] == fields


@pytest.mark.parametrize("rpc", [each for each in RIGHT if each != "ListCompanies"])
async def test_a_company_id_that_cannot_be_is_refused(stub: Any, rpc: str) -> None:
    """By every rpc about a company, with the field named."""
    for company_id in (None, 0, -1):
        refusal = await refused(getattr(stub, rpc)(request_of(rpc, company_id=company_id)))
        assert (refusal.code.name, [each.field for each in refusal.violations]) == ("INVALID_ARGUMENT", ["company_id"])


def test_every_rpc_has_a_route_beside_those_of_booking() -> None:
    """No two share one."""
    booking = booking_pb2.DESCRIPTOR.services_by_name["Booking"]
    routes = Table([booking, DESCRIPTOR]).bindings
    assert {each.method.name for each in routes} >= set(RIGHT)


def test_every_reason_is_one_of_the_contract() -> None:
    """An error class names a value of ErrorReason and nothing else."""
    reasons = {
        each.reason
        for each in vars(catalogue_errors).values()
        if isinstance(each, type) and issubclass(each, MeshError) and each.__module__ == catalogue_errors.__name__
    }
    assert reasons <= set(booking_pb2.ErrorReason.keys())


@pytest.mark.parametrize("rpc", RIGHT)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_request_is_answered_or_refused(rpc: str, data: st.DataObject) -> None:
    """A right request with any fields changed to anything meets no bug."""
    database = inline_database("booking")
    calendars = CalendarTables(database)
    asyncio.run(load_catalogue(read_catalogue(DEMO_SALON), database, calendars))
    request = request_of(rpc)
    descriptor: Any = request.DESCRIPTOR
    other = data.draw(messages(descriptor))
    for field in data.draw(st.lists(st.sampled_from(list(descriptor.fields)), max_size=3, unique=True)):
        change = type(request)()
        change.CopyFrom(other)
        for unwanted in descriptor.fields:
            if unwanted is not field:
                change.ClearField(unwanted.name)
        request.ClearField(field.name)
        request.MergeFrom(change)
    try:
        validation.check(request)
        asyncio.run(getattr(CatalogueService(database, calendars), rpc)(request, None))
    except MeshError as refusal:
        assert refusal.reason in booking_pb2.ErrorReason.keys()  # noqa: SIM118 - an enum wrapper, no dict
