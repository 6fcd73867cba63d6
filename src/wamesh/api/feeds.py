"""Feeds as calendar programs subscribe to them: `GET /v1/feeds/{token}.ics`, text of RFC 5545.

Such programs send no headers of ours and read no problem documents for long, so the URL holds the secret, and whatever
is wrong with one is a 404 that says nothing more. They come again and again: an ETag makes that cheap. What is answered
is for that program alone, and no cache between may keep it.

Owns the headers. Refuses what the text says: that is `Calendars.ReadFeed`. Invariant: a token reaches no log.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wamesh.api import calls, intake, problems
from wamesh.api.calls import Caller
from wamesh.api.problems import Refused
from wamesh.booking.v1 import calendars_pb2

PATH: Final = "/v1/feeds/{token}.ics"
CALENDARS: Final = calendars_pb2.DESCRIPTOR.services_by_name["Calendars"]
_READ: Final[MethodDescriptor] = CALENDARS.methods_by_name["ReadFeed"]
_ETAG: Final = re.compile(r'(?:W/)?"([\x21\x23-\x7e]{1,128})"')


def routes(services: Iterable[ServiceDescriptor], caller: Caller, timeout_seconds: float) -> list[Route]:
    """The route of feeds, if their service is among those that are called."""
    if CALENDARS not in services:
        return []

    async def feed(request: Request) -> Response:
        await intake.no_body(request)
        request.scope["wamesh.rpc"] = _READ.full_name
        known = _ETAG.findall(request.headers.get("if-none-match", ""))
        asked = calendars_pb2.ReadFeedRequest(token=request.path_params["token"], known_version=(known or [""])[0])
        answer = await calls.unless_left(_read(caller, asked, timeout_seconds), request.receive)
        headers = _headers(answer.version)
        if answer.version in known:
            return Response(status_code=304, headers=headers)
        return Response(answer.calendar, headers=headers, media_type="text/calendar")

    return [Route(PATH, feed)]


async def _read(caller: Caller, request: calendars_pb2.ReadFeedRequest, timeout_seconds: float) -> Any:
    try:
        return await caller.call(_READ, request, timeout_seconds)
    except Refused as refused:
        if refused.problem.code in ("NOT_FOUND", "INVALID_ARGUMENT"):
            raise Refused(problems.unknown_route()) from None
        raise


def _headers(version: str) -> Mapping[str, str]:
    return {
        "Cache-Control": "private, no-cache",
        "ETag": f'"{version}"',
        "X-Content-Type-Options": "nosniff",
    }
