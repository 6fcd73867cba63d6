"""Asks a running emulator where its wire is and whom a client must trust: what the starter of a session process needs.

Owns: the one question, `GetWire`, and what is said when it has no answer. Refuses: targets off this machine, and to
remember an answer, since an emulator that forgot everything comes back with other keys. Invariant: what is returned is
a Trust, so a loopback address.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import grpc

from wamesh.emulator.client.trust import Trust, UntrustworthyEmulator
from wamesh.emulator.loopback import is_loopback
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.v1 import emulator_pb2_grpc
from wamesh.rpc.client import open_channel
from wamesh.rpc.errors import refusal_of
from wamesh.settings import WrongSetting

ANSWER_SECONDS: Final = 2.0
_SERVICE: Final = pb.DESCRIPTOR.services_by_name["Emulator"]


class EmulatorUnreachable(ConnectionError):
    """No emulator of WhatsApp's protocol answers at the target; one sentence says what to do."""


def transport_options(target: str, directory: Path) -> Callable[[int], Awaitable[Mapping[str, str]]]:
    """Returns what gives a company the options of transport `emulator`, asked anew each time; the authority's file goes
    into `directory`.

    Raises WrongSetting unless `target` (`host:port`) is on loopback. What is returned raises EmulatorUnreachable.
    """
    if not is_loopback(target):
        raise WrongSetting(
            f"WAMESH_EMULATOR_TARGET: must be a loopback address such as 127.0.0.1:50053; it is {target!r}."
        )

    async def ask(_company_id: int) -> Mapping[str, str]:
        return (await trust_of(target)).options(directory)

    return ask


async def trust_of(target: str) -> Trust:
    """Asks the emulator whose control service is at `target`. Raises EmulatorUnreachable."""
    async with open_channel(target, [_SERVICE]) as channel:
        try:
            wire = await emulator_pb2_grpc.EmulatorStub(channel).GetWire(pb.GetWireRequest(), timeout=ANSWER_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise EmulatorUnreachable(_why(target, error)) from None
    try:
        return Trust(wire.address, wire.ca_certificate_pem.encode(), wire.root_public_key)
    except UntrustworthyEmulator as error:
        raise EmulatorUnreachable(f"The emulator at {target} cannot be used: {error}.") from None


def _why(target: str, error: grpc.aio.AioRpcError) -> str:
    refusal = refusal_of(error)
    if refusal.reason:
        return f"The emulator at {target} refused: {refusal.message}"
    return f"The emulator at {target} does not answer; start it with `wamesh emulator`."
