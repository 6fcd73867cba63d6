"""Which hosts the edge answers to."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.http_edge import Edge, edge

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICES = "/v1/companies/7/services"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Edge]:
    """An edge that answers to the name `edge`."""
    async with edge() as found:
        yield found


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:8080", "localhost.", "127.0.0.1:8080", "[::1]:8080", "10.1.2.3", "edge:80", ""]
)
async def test_an_own_name_or_an_address_is_answered(mesh: Edge, host: str) -> None:
    """localhost, IP addresses and the named hosts, with any port; a probe of HTTP/1.0 names none."""
    assert (await mesh.http.get(SERVICES, headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("path", [SERVICES, "/docs", "/openapi.json", "/healthz", "/nowhere"])
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "edge.evil.example:8080", "a@localhost", "["]
)
async def test_a_foreign_name_reaches_nothing(mesh: Edge, host: str, path: str) -> None:
    """A page whose name was pointed at this machine gets 421 from every path, and no backend hears of it."""
    mesh.recorder.requests.clear()
    refused = await mesh.http.get(path, headers={"Host": host})
    assert (refused.status_code, refused.json()["reason"]) == (421, "HOST_UNKNOWN")
    assert refused.headers["content-type"] == "application/problem+json"
    assert mesh.recorder.requests == []
