"""Feeds as calendar programs meet them: the HTTP edge before the production servicer."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from support.booking_service import ANNA, HAIRCUT, Salon, open_salon
from support.ical_service import calendars_over
from support.ical_texts import calendar, event, events_of

from wamesh.api import app
from wamesh.api.calls import Backend
from wamesh.api.feeds import CALENDARS
from wamesh.rpc.client import open_channel
from wamesh.rpc.server import Server
from wamesh.settings import BookingSettings
from wamesh.storage.database import room_database

STAFF_PATH = f"/v1/companies/1/staff/{ANNA}"


@dataclass
class Subscriber:
    """A calendar program, and the salon that it looks at."""

    http: httpx.AsyncClient
    salon: Salon
    path: str

    async def post(self, path: str) -> Any:
        """The answer of a rpc without fields."""
        response = await self.http.post(f"{STAFF_PATH}/{path}", json={})
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
async def anna(tmp_path: Path) -> AsyncIterator[Subscriber]:
    """Anna's program, with the URL of her feed, in which she is booked once."""
    target = BookingSettings(data_directory=tmp_path / "data")
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(room_database(target.room_database_url("booking"), "booking"))
        salon = await open_salon(database)
        await salon.book((await salon.find_on("2026-11-24", HAIRCUT, ANNA))[0])
        server = await Server([calendars_over(database, salon)], "127.0.0.1:0").start()
        await server.set_ready(True)
        stack.push_async_callback(server.stop, 0)
        channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{server.port}", [CALENDARS]))
        application = app.build([Backend("calendars", CALENDARS, channel)], 5.0, ["edge"])
        transport = httpx.ASGITransport(app=application)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://edge"))
        made = await http.post(f"{STAFF_PATH}/feed:create", json={})
        yield Subscriber(http, salon, made.json()["path"])


async def test_a_feed_is_text_that_no_cache_keeps(anna: Subscriber) -> None:
    """For the one who has the URL."""
    response = await anna.http.get(anna.path)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert response.headers["cache-control"] == "private, no-cache"
    assert [each["STATUS"] for each in events_of(response.text)] == ["CONFIRMED"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "{}, *"])
async def test_what_is_known_is_not_sent_again(anna: Subscriber, form: str) -> None:
    """304 without a body as long as nothing has changed; then the whole."""
    etag = (await anna.http.get(anna.path)).headers["etag"]
    known = {"If-None-Match": form.format(etag)}
    response = await anna.http.get(anna.path, headers=known)
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
    await anna.salon.book((await anna.salon.find_on("2026-11-24", HAIRCUT, ANNA))[0])
    response = await anna.http.get(anna.path, headers=known)
    assert (response.status_code, len(events_of(response.text))) == (200, 2)
    assert response.headers["etag"] != etag


async def test_every_wrong_url_is_the_same_404(anna: Subscriber) -> None:
    """Revoked, invented, too long, not even a token: as for a path that nobody knows."""
    await anna.post("feed:revoke")
    paths = [anna.path, "/v1/feeds/x.ics", f"/v1/feeds/{'x' * 500}.ics", "/v1/feeds/%ff.ics", "/v1/x"]
    answers = [await anna.http.get(each) for each in paths]
    assert {(each.status_code, each.text) for each in answers} == {(404, answers[-1].text)}


async def test_no_token_reaches_the_log(anna: Subscriber) -> None:
    """Neither by the feed nor by its rpc."""
    token = anna.path.removeprefix("/v1/feeds/").removesuffix(".ics")
    with capture_logs() as lines:
        for path in (anna.path, f"/v1/feeds/{token}", f"/v1/feeds/{token}/more"):
            await anna.http.get(path)
    assert [each["path"] for each in lines if each["event"] == "request"] == ["/v1/feeds/***"] * 3
    assert token not in str(lines)


async def test_a_backend_that_is_away_is_no_404(anna: Subscriber, tmp_path: Path) -> None:
    """Programs would drop what they have."""
    async with open_channel("127.0.0.1:1", [CALENDARS], 1.0) as channel:
        application = app.build([Backend("calendars", CALENDARS, channel)], 1.0, ["edge"])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://edge") as http:
            assert (await http.get(anna.path)).status_code in (503, 504)


async def test_a_feed_takes_no_body_and_no_other_method(anna: Subscriber) -> None:
    """HEAD is GET without the text."""
    assert (await anna.http.post(anna.path)).status_code == 405
    head = await anna.http.head(anna.path)
    assert (head.status_code, head.headers["etag"]) == (200, (await anna.http.get(anna.path)).headers["etag"])


async def test_a_calendar_is_imported_over_http(anna: Subscriber) -> None:
    """And listed, and forgotten."""
    text = calendar(event("DTSTART:20261125T100000Z", "DURATION:PT1H"))
    imported = await anna.http.post(f"{STAFF_PATH}/busy:import", json={"calendar_name": "home", "calendar": text})
    times = [{"start_time": "2026-11-25T10:00:00Z", "end_time": "2026-11-25T11:00:00Z"}]
    assert imported.json()["calendar"]["busy_times"] == times
    listed = (await anna.http.get(f"{STAFF_PATH}/busy")).json()
    assert listed["calendars"] == [imported.json()["calendar"]]
    await anna.http.post(f"{STAFF_PATH}/busy:delete", json={"calendar_name": "home"})
    assert (await anna.http.get(f"{STAFF_PATH}/busy")).json() == {"calendars": []}
    refused = await anna.http.post(f"{STAFF_PATH}/busy:import", json={"calendar_name": "home", "calendar": "hello"})
    assert (refused.status_code, refused.json()["reason"]) == (400, "CALENDAR_INVALID")
    assert refused.json()["violations"][0]["field"] == "calendar"
