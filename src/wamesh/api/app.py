"""The HTTP application: the contract's routes, and beside them probes and the documentation.

| path | what |
|---|---|
| routes of the contract | one rpc each; an answer, or a problem |
| `/v1/feeds/{token}.ics` | the bookings of a staff member for calendar programs (`feeds`) |
| `/healthz` | liveness: 200 while the process answers |
| `/readyz` | readiness: 503 while a backend is not ready |
| `/openapi.json`, `/docs` | the contract as OpenAPI, and a page to browse it; `/` goes there |

No CORS, and no Host but our own: no other origin may read an answer. Invariant: every response that is no answer is a
problem document, and none carries the text of an exception.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from wamesh.api import answers, calls, feeds, intake, openapi, page, problems, query, readiness, transcode
from wamesh.api.access_log import AccessLog, loggable
from wamesh.api.bindings import Match, Missed, Table
from wamesh.api.calls import Backend, Caller
from wamesh.api.hosts import KnownHosts
from wamesh.api.problems import Problem, Refused
from wamesh.errors import InvalidArgument

_log = structlog.get_logger("api")
_PRIVATE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_JSON: Final = "application/json"
_CLIENT_CLOSED: Final = 499


def build(backends: Sequence[Backend], timeout_seconds: float, host_names: Iterable[str]) -> ASGIApp:
    """The application over these backends; an rpc ends after `timeout_seconds` unless the request asks otherwise.

    It answers to `host_names` beside `localhost` and IP addresses.

    Raises bindings.BindingError and httprule.TemplateError when the contract has a route that cannot be served.
    """
    services = [each.service for each in backends]
    table, caller = Table(services), Caller(backends)
    application = Starlette(
        routes=[
            Route("/healthz", _alive),
            Route("/readyz", _ready(backends)),
            *feeds.routes(services, caller, timeout_seconds),
            Route("/openapi.json", _fixed(problems.encoded(openapi.document(services, table.bindings)), _JSON)),
            Route("/", RedirectResponse("/docs")),
            *(Route(path, _fixed(file.content, file.media_type, page.HEADERS)) for path, file in page.files().items()),
        ],
        exception_handlers={
            Refused: _on_refused,
            HTTPException: _on_http_exception,
            Exception: _on_bug,
        },
    )
    application.router.default = Rpcs(table, caller, timeout_seconds)
    application.router.redirect_slashes = False
    return AccessLog(KnownHosts(application, _problem(problems.unknown_host()), host_names))


class Rpcs:
    """The ASGI endpoint of all routes of the contract."""

    def __init__(self, table: Table, caller: Caller, timeout_seconds: float) -> None:
        self._table = table
        self._caller = caller
        self._timeout_seconds = timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one HTTP request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except (calls.CallerLeft, ClientDisconnect):
            response = Response(status_code=_CLIENT_CLOSED)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        match = self._match(request)
        method = match.binding.method
        request.scope["wamesh.rpc"] = method.full_name
        message = await _message(request, match)
        timeout = intake.timeout_seconds(request, self._timeout_seconds)
        response = await calls.unless_left(self._caller.call(method, message, timeout), request.receive)
        return _json(answers.document(response))

    def _match(self, request: Request) -> Match:
        found = self._table.find(request.method, intake.path(request))
        if isinstance(found, Match):
            return found
        raise Refused(_problem_of_miss(request.method, found))


async def _message(request: Request, match: Match) -> Any:
    body = await _body(request, match)
    raw_query: bytes = request.scope["query_string"]
    try:
        return transcode.message(match, raw_query, body, intake.idempotency_key(request))
    except InvalidArgument as error:
        raise Refused(problems.invalid(error.violations)) from error
    except query.MalformedQuery as error:
        raise Refused(problems.malformed("QUERY_MALFORMED", str(error))) from error


async def _body(request: Request, match: Match) -> Any:
    if match.binding.takes_body:
        return await intake.document(request)
    await intake.no_body(request)
    return {}


def _problem_of_miss(http_method: str, missed: Missed) -> Problem:
    return problems.wrong_method(http_method, missed.allowed) if missed.allowed else problems.unknown_route()


async def _alive(_: Request) -> Response:
    return _json({"status": "alive"})


def _ready(backends: Sequence[Backend]) -> Any:
    async def ready(_: Request) -> Response:
        absent = await readiness.missing(backends)
        return _problem(readiness.problem_of(absent)) if absent else _json({"status": "ready"})

    return ready


def _fixed(content: bytes, media_type: str, headers: Mapping[str, str] = _PRIVATE) -> Any:
    async def fixed(_: Request) -> Response:
        return Response(content, media_type=media_type, headers=dict(headers))

    return fixed


def _json(document: Mapping[str, Any]) -> Response:
    return Response(problems.encoded(document), media_type=_JSON, headers=_PRIVATE)


def _problem(problem: Problem) -> Response:
    body = problems.encoded(problem.document())
    headers = {**_PRIVATE, **problem.all_headers()}
    return Response(body, problem.status, headers, media_type=problems.MEDIA_TYPE)


async def _on_refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _problem(error.problem)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: a wrong method on a route that is not of the contract."""
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow", "")
    if error.status_code == 405:
        return _problem(problems.wrong_method(request.method, sorted(allowed.split(", "))))
    return _problem(problems.unknown_route())


async def _on_bug(request: Request, error: Exception) -> Response:
    _log.error("request failed", method=request.method, path=loggable(request.url.path), exc_info=error)
    return _problem(problems.unforeseen())
