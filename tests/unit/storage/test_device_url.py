"""The URL that leads the library's driver and asyncpg to a company's schema."""

from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.storage.gateway.devices import device_url

OURS = {
    "search_path": ["wamesh_device_7"],
    "application_name": ["wamesh_device_7"],
    "synchronous_commit": ["on"],
    "idle_session_timeout": ["60s"],
}


def options_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(device_url(url, 7)).query)


def test_silence_about_tls_means_prefer() -> None:
    """The driver would refuse a server without TLS; whoever says something is heard."""
    assert options_of("postgresql://db.example/mesh") == OURS | {"sslmode": ["prefer"]}
    assert options_of("postgresql://db.example/mesh?sslmode=verify-full") == OURS | {"sslmode": ["verify-full"]}


def test_the_schema_is_ours() -> None:
    """A search path of the operator's URL leads nobody elsewhere."""
    assert options_of("postgresql://db.example/mesh?search_path=public")["search_path"] == ["wamesh_device_7"]


@pytest.mark.parametrize(
    ("url", "place", "host", "port"),
    [
        ("postgresql://db.example:6432/mesh", "db.example:6432", None, None),
        ("postgresql://[::1]:6432/mesh", "[::1]:6432", None, None),
        ("postgresql:///mesh?host=/run/postgresql", "", ["/run/postgresql"], None),
        ("postgresql://%2Frun%2Fpostgresql/mesh", "", ["/run/postgresql"], ["5432"]),
        ("postgresql://one:6432,two/mesh", "", ["one,two"], ["6432,5432"]),
    ],
)
def test_places_are_where_the_driver_reads_them(
    url: str, place: str, host: list[str] | None, port: list[str] | None
) -> None:
    """One host stays before the path; a socket's directory and several hosts go into the query."""
    found = urlsplit(device_url(url, 7))
    assert (found.netloc, found.path) == (place, "/mesh")
    assert (parse_qs(found.query).get("host"), parse_qs(found.query).get("port")) == (host, port)


@given(user=st.text(min_size=1), password=st.text(min_size=1), name=st.text(min_size=1))
def test_every_name_and_password_survives(user: str, password: str, name: str) -> None:
    """What an operator had to encode comes out encoded, so that no reader stumbles over it and shows it."""
    user, password, name = (text.encode("utf-8", "replace").decode() for text in (user, password, name))
    encoded = [quote(text, safe="") for text in (user, password, name)]
    url = device_url("postgresql://{}:{}@db.example/{}".format(*encoded), 7)
    parts = urlsplit(url)
    credentials, _, host = parts.netloc.rpartition("@")
    assert [unquote(part) for part in credentials.split(":")] == [user, password]
    assert (host, unquote(parts.path[1:]), url.isascii()) == ("db.example", name, True)
