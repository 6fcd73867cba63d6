"""How the starter of a session process learns where the emulator is and whom to trust."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.emulator import running_emulator

from wamesh.clock import utc_now
from wamesh.console.ports import free_ports
from wamesh.emulator.client.discovery import EmulatorUnreachable, transport_options, trust_of
from wamesh.emulator.client.trust import Trust
from wamesh.emulator.memory.control import MemoryControl
from wamesh.emulator.memory.network import MemoryNetwork
from wamesh.emulator.serving import call_later, serve_control
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.settings import WrongSetting

WIRE = pb.GetWireResponse(
    address="127.0.0.1:50054", ca_certificate_pem="a certificate", root_public_key=bytes(range(32))
)


class LedTo(MemoryControl):
    """A network that says that its wire is elsewhere."""

    def __init__(self, wire: pb.GetWireResponse) -> None:
        super().__init__(MemoryNetwork(utc_now, secrets.token_bytes, call_later))
        self.answer = wire

    def wire(self) -> pb.GetWireResponse:
        return self.answer


@asynccontextmanager
async def answering(network: LedTo) -> AsyncIterator[str]:
    """Serves the control contract of the network; gives the target."""
    emulator = await serve_control(network, "127.0.0.1:0", AsyncExitStack())
    try:
        yield f"127.0.0.1:{emulator.port}"
    finally:
        await emulator.stop(0)


async def test_what_is_answered_is_believed() -> None:
    """Address, authority and root key come as the emulator tells them."""
    async with answering(LedTo(WIRE)) as target:
        assert await trust_of(target) == Trust("127.0.0.1:50054", b"a certificate", bytes(range(32)))


async def test_the_options_are_asked_for_anew(tmp_path: Path) -> None:
    """An emulator that came back with another authority is believed: the file holds the new one."""
    network = LedTo(WIRE)
    async with answering(network) as target:
        ask = transport_options(target, tmp_path)
        first = await ask(1)
        assert first == Trust("127.0.0.1:50054", b"a certificate", bytes(range(32))).options(tmp_path)
        network.answer = pb.GetWireResponse(
            address="127.0.0.1:50055", ca_certificate_pem="another one", root_public_key=bytes(32)
        )
        second = await ask(1)
    assert Trust.from_options(second) == Trust("127.0.0.1:50055", b"another one", bytes(32))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [("address", "192.0.2.1:50054", "must be on loopback"), ("root_public_key", b"short", "it must have 32")],
)
async def test_an_answer_that_leads_elsewhere_is_refused(field: str, value: Any, expected: str) -> None:
    """An address off this machine, or a key that is none, is not believed."""
    wire = pb.GetWireResponse()
    wire.CopyFrom(WIRE)
    setattr(wire, field, value)
    async with answering(LedTo(wire)) as target:
        with pytest.raises(EmulatorUnreachable, match=expected):
            await trust_of(target)


async def test_silence_says_how_to_start_one() -> None:
    """Nobody there is a ConnectionError, which a later try may find mended."""
    with pytest.raises(ConnectionError, match="start it with `wamesh emulator`"):
        await trust_of(f"127.0.0.1:{free_ports(1)[0]}")


async def test_the_light_network_says_that_it_has_no_wire() -> None:
    """The refusal is the emulator's own sentence."""
    with running_emulator() as light, pytest.raises(EmulatorUnreachable, match="does not speak WhatsApp's protocol"):
        await trust_of(light.target)


@pytest.mark.parametrize("target", ["192.0.2.1:50053", "emulator.example:50053", "0.0.0.0:50053"])
def test_a_target_off_this_machine_is_a_wrong_setting(tmp_path: Path, target: str) -> None:
    """It is refused before anything is asked."""
    with pytest.raises(WrongSetting, match="must be a loopback address"):
        transport_options(target, tmp_path)
