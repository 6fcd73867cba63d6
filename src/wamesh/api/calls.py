"""One rpc for one HTTP request, with its deadline, given up when the caller leaves.

Owns the channels by backend and what is called on them. Invariant: an HTTP request makes at most one rpc; gRPC's own
retries, where the contract makes them safe, are inside of it.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.types import Receive

from wamesh.api import bindings, refusals
from wamesh.api.problems import Refused

T = TypeVar("T")
Multicallable = grpc.aio.UnaryUnaryMultiCallable[Message, Message]


class CallerLeft(Exception):
    """The HTTP connection closed before the answer was there; nobody reads a response any more."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A server of the mesh: its name in sentences, its service, and the channel to it."""

    name: str
    service: ServiceDescriptor
    channel: grpc.aio.Channel


class Caller:
    """Calls the unary rpcs of some backends."""

    def __init__(self, backends: Iterable[Backend]) -> None:
        self._rpcs: dict[str, tuple[str, Multicallable]] = {
            method.full_name: (backend.name, _multicallable(backend.channel, method))
            for backend in backends
            for method in backend.service.methods
            if bindings.is_unary(method)
        }

    async def call(self, method: MethodDescriptor, request: Message, timeout_seconds: float) -> Message:
        """The rpc's response. Raises problems.Refused with what the backend, or gRPC on its behalf, said."""
        backend, rpc = self._rpcs[method.full_name]
        try:
            return await rpc(request, timeout=timeout_seconds)
        except grpc.aio.AioRpcError as error:
            raise Refused(refusals.problem_of(error, backend)) from error


async def unless_left(work: Awaitable[T], receive: Receive) -> T:
    """The result of the work; cancels it and raises CallerLeft when the HTTP connection closes first.

    The request's body must have been read to its end.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnect(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise CallerLeft
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _multicallable(channel: grpc.aio.Channel, method: MethodDescriptor) -> Multicallable:
    assert method.containing_service is not None
    return channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
