"""Where the client library keeps the devices, when the gateway's database is PostgreSQL: a schema for each company.

The library makes and upgrades its tables itself. Its check whether they are there looks through all schemas of the
database (go-util's dbutil asks information_schema by table name alone, v0.10.1): beside a company's schema, a second
empty one fails with `relation "whatsmeow_version" does not exist` (measured, neonize 0.5.2). So the empty version table
is made here, as the library would have made it; with it every schema is seen as its own.

Owns: the schemas, their names, and the URL that leads the library to one. Refuses: their tables, except that one.
Invariant: a company's URL leads to its own schema and to no other, so a company without a device never finds another's.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from wamesh.storage.database import Database, DatabaseUnavailable, Steps, execute

_UNLESS_SAID: Final = {"sslmode": "prefer", "synchronous_commit": "on", "idle_session_timeout": "60s"}
"""What the library's connections are told when the operator's URL says nothing else. The driver refuses a server
without TLS unless told `prefer`, which is what others mean by silence. It keeps two connections for ever; when the
server closes them after a while, it makes new ones as soon as there is work (measured, 20 sends around the limit). A
commit that a crash of the server takes back gives the next message a key that was used before: the customer's phone
drops it (measured, 7 of 444 messages with `synchronous_commit=off` and 10 restarts of the server).
"""


def schema_of_company(company_id: int) -> str:
    """The PostgreSQL schema that holds a company's device."""
    return f"wamesh_device_{company_id}"


def device_options(database: Database, url: str) -> Callable[[int], Awaitable[Mapping[str, str]]]:
    """Returns what makes a company's schema when it is missing and gives the transport's option that leads there.

    `url` is the one that `database`, a PostgreSQL, was opened with. What is returned raises ConnectionError.
    """

    async def options(company_id: int) -> Mapping[str, str]:
        try:
            await make_schema(database, company_id)
        except DatabaseUnavailable as error:
            raise ConnectionError(error.message) from error
        return {"device_database": device_url(url, company_id)}

    return options


async def make_schema(database: Database, company_id: int) -> None:
    """Makes the company's schema ready for the library, unless it is. Raises DatabaseUnavailable."""
    schema = schema_of_company(company_id)

    def steps() -> Steps[None]:
        yield execute("SELECT pg_advisory_xact_lock(hashtext($1))", schema)
        made = yield execute("SELECT to_regclass($1) IS NOT NULL", f"{schema}.whatsmeow_version")
        if not made[0][0]:
            yield execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            yield execute(f"CREATE TABLE {schema}.whatsmeow_version (version INTEGER, compat INTEGER)")

    await database.write(steps)


def device_url(url: str, company_id: int) -> str:
    """The URL of the company's schema, in a form that the library's driver (lib/pq 1.12) and asyncpg read alike.

    The driver reads a socket's directory and several hosts only from the query, and its error about a URL that it
    cannot read shows the URL: everything is encoded here.
    """
    parts = urlsplit(url)
    credentials, _, places = parts.netloc.rpartition("@")
    schema = schema_of_company(company_id)
    host, query = _host_and_query(unquote(places))
    query |= _UNLESS_SAID | dict(parse_qsl(parts.query)) | {"search_path": schema, "application_name": schema}
    user = ":".join(_encoded(unquote(part)) for part in credentials.split(":", 1))
    name = _encoded(unquote(parts.path.removeprefix("/")))
    return f"postgresql://{user}{'@' if user else ''}{host}/{name}?{urlencode(query, quote_via=quote, safe='')}"


def _host_and_query(places: str) -> tuple[str, dict[str, str]]:
    """What of `host:port,host:port` or `/directory:port` stays before the path, and what goes into the query."""
    if not places.startswith("/") and "," not in places:
        return places, {}
    pairs = [place.partition(":") for place in places.split(",")]
    return "", {
        "host": ",".join(host for host, _, _ in pairs),
        "port": ",".join(port or "5432" for _, _, port in pairs),
    }


def _encoded(text: str) -> str:
    return quote(text, safe="")
