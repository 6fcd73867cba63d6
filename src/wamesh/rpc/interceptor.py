"""What every served call passes through: deadline, field rules, errors, log line, drain.

Owns the frame around a servicer's method; refuses to know any service. Invariant: a servicer sees only valid requests,
and a caller never sees text of an exception that nobody foresaw.

Streams end when the server drains, since an open one would hold the stop for its whole grace: the caller gets
UNAVAILABLE with reason DRAINING and dials the next server.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, Final, NoReturn, TypeAlias

import grpc
import structlog
from google.protobuf.message import DecodeError

from wamesh.errors import MeshError, Unavailable
from wamesh.rpc import deadline, errors, validation

_log = structlog.get_logger("rpc")
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
STANDARD_METHODS: Final = ("/grpc.health.", "/grpc.reflection.")
_END: Final = object()


class Draining(Unavailable):
    """This server ends its streams because it is stopping."""

    reason = "DRAINING"

    def __init__(self) -> None:
        super().__init__("This server is stopping; call again and another one answers.", timedelta(seconds=1))


class RpcInterceptor(grpc.aio.ServerInterceptor):
    """Frames every method of our own services; health and reflection pass by."""

    def __init__(self) -> None:
        self._draining = False
        self._streams: set[asyncio.Task[Any]] = set()
        self._wrapped: dict[str, Handler] = {}

    def drain(self) -> None:
        """Ends every open stream with DRAINING, as soon as what it is writing is written, and each later one."""
        self._draining = True
        for task in list(self._streams):
            task.cancel()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wraps the handler of the called method."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(STANDARD_METHODS):
            return handler
        if method not in self._wrapped:  # the server has one handler a method, for good
            self._wrapped[method] = self._wrap(handler, method)
        return self._wrapped[method]

    def _wrap(self, handler: Handler, method: str) -> Handler:
        codec = {
            "request_deserializer": _forgiving(handler.request_deserializer or bytes),
            "response_serializer": handler.response_serializer,
        }
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(self._stream(handler.stream_stream, method, False), **codec)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream, method, True), **codec)
        if not handler.unary_unary:
            raise TypeError(f"{method} is client-streaming; no rpc of this mesh is.")
        return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary, method), **codec)

    def _unary(self, behavior: Callable[..., Awaitable[Any]], method: str) -> Callable[..., Awaitable[Any]]:
        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            async with _framed(method, context):
                validation.check(request)
                return await behavior(request, context)

        return call

    def _stream(self, behavior: Callable[..., Any], method: str, unary_request: bool) -> Callable[..., Any]:
        if not inspect.isasyncgenfunction(inspect.unwrap(behavior)):
            raise TypeError(f"{method} must be an async generator.")

        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            async with _framed(method, context):
                if unary_request:
                    validation.check(request)
                responses = behavior(request if unary_request else _checked(request), context)
                async with contextlib.aclosing(responses):
                    while True:
                        with self._cut_by_drain():
                            response = await anext(responses, _END)
                        if response is _END:
                            return
                        yield response

        return call

    @contextlib.contextmanager
    def _cut_by_drain(self) -> Iterator[None]:
        """Around what waits for the servicer. Cut elsewhere, while gRPC writes, the call would never get a status."""
        task = asyncio.current_task()
        assert task is not None
        if self._draining:
            raise Draining
        self._streams.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self._draining:
                raise
            task.uncancel()
            raise Draining from None
        finally:
            self._streams.discard(task)


def _forgiving(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Gives None for bytes that are no such message, so that they are refused like any other wrong request."""

    def message_or_none(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return None

    return message_or_none


async def _checked(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The requests of a stream, each checked as it comes."""
    async for request in requests:
        validation.check(request)
        yield request


@contextlib.asynccontextmanager
async def _framed(method: str, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[None]:
    """Notes the deadline, turns exceptions into status, and writes one log line."""
    started = time.perf_counter()
    deadline.note(context.time_remaining())
    code = grpc.StatusCode.OK
    try:
        yield
    except MeshError as error:
        code = errors.code_of(error)
        await _refuse(context, error)
    except (asyncio.CancelledError, GeneratorExit):
        code = grpc.StatusCode.CANCELLED
        raise
    except grpc.aio.AbortError:
        code = context.code() or grpc.StatusCode.UNKNOWN
        raise
    except Exception:  # noqa: BLE001 - the last line of defence; logged whole, told to nobody
        code = grpc.StatusCode.INTERNAL
        _log.exception("call failed", method=method)
        await context.abort(code, errors.INTERNAL_MESSAGE)
    finally:
        _log.debug("call", method=method, code=code.name, ms=round((time.perf_counter() - started) * 1000, 2))


async def _refuse(context: grpc.aio.ServicerContext[Any, Any], error: MeshError) -> NoReturn:
    status = errors.status_of(error, error.details)
    context.set_trailing_metadata(((errors.DETAILS_KEY, status.SerializeToString()),))
    await context.abort(errors.code_of(error), error.message)
    raise AssertionError("abort raises")
