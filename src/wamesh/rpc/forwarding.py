"""Calls that reached the wrong server of a kind, passed on to the right one: once, with deadline and identity kept.

`route` says for each request whether it is served here. What is passed on carries the caller's metadata and what is
left of its deadline, and a mark, so that a second server never passes it on again. The answer comes back as it is,
refusals with all their details. A caller that gives up ends the call there, too.

While the right server is just changing, neither the old one nor the new one answers. A call that was refused for that
reason (`Passing` knows) is routed again by the server that it came to, a little later each time, for ten seconds at
most and no longer than half of its deadline: the other half is for the answer. Then the caller hears the last refusal.

Owns: the passing on, the patience, and a channel a server. Refuses: to know why a server is the right one; streams in
both directions. Invariant: a request has at most one server between its caller and its answer, and is never decoded on
its way back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, NoReturn, TypeAlias

import grpc

from wamesh.errors import MeshError, Unavailable
from wamesh.rpc.client import CHANNEL_OPTIONS
from wamesh.rpc.errors import refusal_of
from wamesh.rpc.interceptor import STANDARD_METHODS

MARK: Final = "wamesh-forwarded-by"
_RESERVED: Final = (":", "grpc-")
_OF_THE_CONNECTION: Final = frozenset({"te", "content-type", "user-agent"})
_NO_ANSWER: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
"""What a connection that broke says, or a server that is stopping; without a reason of ours nobody has answered."""
PATIENCE_SECONDS: Final = 10.0
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.25

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Route: TypeAlias = Callable[[Any, bool], Awaitable[str | None]]
"""Returns the address of the server that serves this request, None for this one. The second argument tells whether
another server passed it on already: then it must be None. Raises MeshError.
"""
Unreachable: TypeAlias = Callable[[Any, str], Unavailable]
"""Makes the refusal for a request whose server, at that address, does not answer."""
Passing: TypeAlias = Callable[[Any, str, Mapping[str, str]], bool]
"""Tells of a request and a refusal's reason and metadata whether it will pass by itself in a moment. Only of a request
that may be made twice.
"""


class Forwarder(grpc.aio.ServerInterceptor):
    """Passes unary requests on, their answers one or many; stands behind the interceptor that frames calls.

    `patience`: seconds for which a request with one answer is routed again while its refusal `is_passing`.
    """

    def __init__(
        self,
        here: str,
        route: Route,
        unreachable: Unreachable,
        is_passing: Passing = lambda *_: False,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._here = here
        self._route = route
        self._unreachable = unreachable
        self._is_passing = is_passing
        self._patience = patience
        self._draining = asyncio.Event()
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wraps the handler of the called method."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or handler.request_streaming or method.startswith(STANDARD_METHODS):
            return handler
        codec = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": _passing(handler.response_serializer),
        }
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream, method), **codec)
        assert handler.unary_unary is not None
        return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary, method), **codec)

    def drain(self) -> None:
        """Ends all patience: a call that waits is refused now, and may be made to another server."""
        self._draining.set()

    async def close(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            await channel.close()

    def _unary(self, behavior: Callable[..., Awaitable[Any]], method: str) -> Callable[..., Awaitable[Any]]:
        async def answer(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            address = await self._route(request, _is_marked(context))
            if address is None:
                return await behavior(request, context)
            onward: Any = self._channel(address).unary_unary(method)
            try:
                return await onward(request.SerializeToString(), **self._terms(context))
            except grpc.aio.AioRpcError as error:
                raise self._named(error, request, address) from error

        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            pauses = self._pauses(context)
            while True:
                try:
                    return await answer(request, context)
                except (MeshError, grpc.aio.AioRpcError) as error:
                    pause = next(pauses, None) if self._is_passing(request, *_said(error)) else None
                    if pause is None:
                        await _refuse(error, context)
                await self._rest(pause)

        return call

    def _stream(self, behavior: Callable[..., Any], method: str) -> Callable[..., Any]:
        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            address = await self._route(request, _is_marked(context))
            if address is None:
                async for response in behavior(request, context):
                    yield response
                return
            begin: Any = self._channel(address).unary_stream(method)
            onward = begin(request.SerializeToString(), **self._terms(context))
            try:
                async for response in onward:
                    yield response
            except grpc.aio.AioRpcError as error:
                await _refuse(self._named(error, request, address), context)
            finally:
                onward.cancel()

        return call

    def _terms(self, context: grpc.aio.ServicerContext[Any, Any]) -> dict[str, Any]:
        """The caller's metadata, marked, and what is left of its deadline."""
        kept = [each for each in context.invocation_metadata() or () if _is_the_callers(each[0])]
        return {"metadata": (*kept, (MARK, self._here)), "timeout": context.time_remaining()}

    def _channel(self, address: str) -> grpc.aio.Channel:
        if address not in self._channels:
            self._channels[address] = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
        return self._channels[address]

    def _named(self, error: grpc.aio.AioRpcError, request: Any, address: str) -> grpc.aio.AioRpcError | Unavailable:
        """What the right server said; or a refusal of ours, when it said nothing."""
        if error.code() in _NO_ANSWER and not refusal_of(error).reason:
            return self._unreachable(request, address)
        return error

    def _pauses(self, context: grpc.aio.ServicerContext[Any, Any]) -> Iterator[float]:
        """Seconds to wait before each further try; none for a call that another server passed on and routes again."""
        if _is_marked(context):
            return
        remaining, now = context.time_remaining(), asyncio.get_running_loop().time
        end = now() + (self._patience if remaining is None else min(self._patience, remaining / 2))
        pause = _FIRST_PAUSE
        while now() + pause < end and not self._draining.is_set():
            yield pause
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._draining.wait()


def _said(error: MeshError | grpc.aio.AioRpcError) -> tuple[str, Mapping[str, str]]:
    """Reason and metadata of a refusal, made here or elsewhere."""
    refusal = error if isinstance(error, MeshError) else refusal_of(error)
    return refusal.reason, refusal.metadata


async def _refuse(error: MeshError | grpc.aio.AioRpcError, context: grpc.aio.ServicerContext[Any, Any]) -> NoReturn:
    """Answers as the right server did."""
    if isinstance(error, MeshError):
        raise error
    trailing = tuple(error.trailing_metadata() or ())
    try:
        await context.abort(error.code(), error.details() or "", trailing)
    except grpc.aio.InternalError:  # the caller's deadline has passed here, too: nobody hears the answer
        raise asyncio.CancelledError from None
    raise AssertionError("abort raises")


def _is_marked(context: grpc.aio.ServicerContext[Any, Any]) -> bool:
    return any(key == MARK for key, _ in context.invocation_metadata() or ())


def _is_the_callers(key: str) -> bool:
    """Whether the caller said it, and not its connection to this server."""
    return key not in _OF_THE_CONNECTION and not key.startswith(_RESERVED)


def _passing(serialize: Callable[[Any], bytes] | None) -> Callable[[Any], bytes]:
    """Serializes what was answered here, and lets pass what another server has serialized."""

    def serialized(response: Any) -> bytes:
        return response if isinstance(response, bytes) or serialize is None else serialize(response)

    return serialized
