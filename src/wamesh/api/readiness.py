"""Whether the API can do its work: both backends answer and say that they are ready.

Asks each backend's standard health service about the service that the API calls. That is passive on the other side:
it reads a recorded word and touches no session, no database.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from wamesh.api.calls import Backend
from wamesh.api.problems import STATUS_OF_CODE, Problem

_CHECK_TIMEOUT_SECONDS: Final = 1.0
_RETRY_AFTER: Final = timedelta(seconds=1)


async def missing(backends: Sequence[Backend]) -> Mapping[str, str]:
    """Which backends are not ready, each with the word that says why: NOT_SERVING, or the gRPC code. Empty is ready."""
    words = await asyncio.gather(*(_word(each) for each in backends))
    return {each.name: word for each, word in zip(backends, words, strict=True) if word != "SERVING"}


def problem_of(absent: Mapping[str, str]) -> Problem:
    """The answer of /readyz while some backend is not ready."""
    named = ", ".join(f"{name} ({word})" for name, word in absent.items())
    return Problem(
        status=STATUS_OF_CODE["UNAVAILABLE"],
        code="UNAVAILABLE",
        reason="NOT_READY",
        detail=f"Not ready: {named}. Start it, or wait until it is.",
        metadata=absent,
        retry_after=_RETRY_AFTER,
    )


async def _word(backend: Backend) -> str:
    stub = health_pb2_grpc.HealthStub(backend.channel)
    question = health_pb2.HealthCheckRequest(service=backend.service.full_name)
    try:
        answer = await stub.Check(question, timeout=_CHECK_TIMEOUT_SECONDS)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    word: str = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return word
