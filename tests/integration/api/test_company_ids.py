"""A company id that is none, in every route and every place where it can be written."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.http_edge import BINDINGS, Edge, edge

from wamesh.api.bindings import Binding

IN_PATH = (
    "0",
    "-1",
    "12x",
    "1.5",
    "1.0",
    "1e3",
    "007",
    "+7",
    "%2B7",
    "%2212%22",
    "[object%20Object]",
    "%20",
    "null",
    "true",
)
BEYOND_INT64 = ("9223372036854775808", "-9223372036854775809", "9" * 400)
OTHER_DIGITS = ("%D9%A7", "%EF%BC%97")  # seven in Arabic-Indic and in full-width digits
IN_BODY: tuple[Any, ...] = ("12", 1.5, 1.0, {}, [], [7], True, "", "[object Object]", 2**63, 0, -1)

WITH_COMPANY = [each for each in BINDINGS if "company_id" in each.template.fields]
WITH_BODY = [each for each in WITH_COMPANY if each.takes_body]
IN_BODY_ALONE = [
    each
    for each in BINDINGS
    if each.takes_body and each not in WITH_COMPANY and "company_id" in each.request.fields_by_name
]
IN_QUERY = [each for each in BINDINGS if "company_id" in {field.name for field in each.body_fields}]


def ids(route: Binding) -> str:
    return f"{route.method.name}-{route.ordinal}"


@pytest.fixture
async def mesh() -> AsyncIterator[Edge]:
    """Backends that check field rules as the mesh's servers do."""
    async with edge() as found:
        yield found


def test_every_rpc_about_a_company_is_covered() -> None:
    """The tables below leave out only what names no company: the lists of all, subscriptions as such, and feeds."""
    covered = [*WITH_COMPANY, *IN_BODY_ALONE, *IN_QUERY]
    left_out = {ids(each) for each in BINDINGS} - {ids(each) for each in covered}
    assert left_out == {
        "ListSessions-0",
        "ListCompanies-0",
        "ListSubscriptions-0",
        "DeleteSubscription-0",
        "ReadFeed-0",
    }


@pytest.mark.parametrize("company_id", IN_PATH + BEYOND_INT64 + OTHER_DIGITS)
@pytest.mark.parametrize("route", WITH_COMPANY, ids=ids)
async def test_a_path_with_no_company_id_is_refused(mesh: Edge, route: Binding, company_id: str) -> None:
    """The answer is 400 and names company_id; no servicer is asked."""
    await refused(mesh, route, path(route, company_id), {})


@pytest.mark.parametrize("company_id", IN_BODY, ids=repr)
@pytest.mark.parametrize("route", WITH_BODY + IN_BODY_ALONE, ids=ids)
async def test_a_body_with_no_company_id_is_refused(mesh: Edge, route: Binding, company_id: Any) -> None:
    """Beside a good path, a body may not say anything else, and not the same in another type."""
    await refused(mesh, route, path(route, "7"), {"company_id": company_id})
    await refused(mesh, route, path(route, "7"), {"companyId": company_id})


@pytest.mark.parametrize("route", WITH_BODY, ids=ids)
async def test_a_body_may_not_name_another_company(mesh: Edge, route: Binding) -> None:
    """Two companies in one request are a contradiction, not a precedence."""
    await refused(mesh, route, path(route, "7"), {"company_id": 8})


@pytest.mark.parametrize("company_id", IN_PATH + BEYOND_INT64 + OTHER_DIGITS)
@pytest.mark.parametrize("route", IN_QUERY, ids=ids)
async def test_a_query_with_no_company_id_is_refused(mesh: Edge, route: Binding, company_id: str) -> None:
    """A parameter has the same rules as a path."""
    await refused(mesh, route, f"{path(route, '7')}?company_id={company_id}", {})


@pytest.mark.parametrize("route", WITH_COMPANY, ids=ids)
async def test_an_empty_company_id_is_no_route(mesh: Edge, route: Binding) -> None:
    """A path without the id is another path, and nothing is there."""
    response = await ask(mesh, route, path(route, ""), {})
    assert (response["status"], response["reason"]) == (404, "ROUTE_NOT_FOUND")


async def refused(mesh: Edge, route: Binding, url: str, body: dict[str, Any]) -> None:
    """Asserts the refusal that names the company id."""
    problem = await ask(mesh, route, url, body)
    fields = [each["field"] for each in problem["violations"]]
    seen = (problem["status"], problem["reason"], "company_id" in fields, mesh.recorder.requests)
    assert seen == (400, "FIELD_RULE_BROKEN", True, [])


async def ask(mesh: Edge, route: Binding, url: str, body: dict[str, Any]) -> dict[str, Any]:
    """The problem that a request gets."""
    arguments: dict[str, Any] = {}
    if route.takes_body:
        arguments = {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}
    response = await mesh.http.request(route.http_method, url, **arguments)
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    return document


def path(route: Binding, company_id: str) -> str:
    """The route's path with this company id, percent-encoded, and other fields that are fine."""
    others = {"request_id": "a-1", "subscription": "worker"}
    ids = ("booking_id", "category_id", "resource_id", "service_id", "staff_id")
    path = route.template.source.replace("{company_id}", company_id)
    for name, value in {**others, **dict.fromkeys(ids, "1")}.items():
        path = path.replace(f"{{{name}}}", value)
    return path
