"""The unmodified client library is led to the emulator's port, believes its certificates, and opens its channel."""

import asyncio
import contextlib
import secrets
import sys
from pathlib import Path
from threading import Thread

import pytest
from support.transport_process import ChildTransport, ProcessGone
from support.wire import Session, running_wire

from wamesh.clock import utc_now
from wamesh.emulator.client.trust import Trust
from wamesh.emulator.messages import ClientPayload
from wamesh.emulator.noise import Handshaken, NoiseChannel, ServerIdentity

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the library's memory is found by /proc")


def _connect(client: ChildTransport) -> None:
    with contextlib.suppress(ProcessGone):  # the test kills it
        client.connect()


async def test_neonize_opens_its_channel(tmp_path: Path) -> None:
    """It comes through CONNECT also where NO_PROXY says otherwise, and its noise handshake ends in a registration."""
    identity = ServerIdentity.create(secrets.token_bytes, utc_now())
    channel = NoiseChannel(identity, secrets.token_bytes)
    opened: asyncio.Future[Handshaken] = asyncio.get_running_loop().create_future()
    hosts: list[str] = []

    def answer(session: Session, data: bytes) -> None:
        for event in channel.receive(data):
            if isinstance(event, Handshaken):
                opened.set_result(event)
        session.link.write(channel.take_output())

    async with running_wire(answer, admission=lambda host: hosts.append(host)) as wire:
        trust = Trust(f"127.0.0.1:{wire.port.port}", wire.certificates.ca_pem, identity.root_public)
        client = ChildTransport(
            "emulator", tmp_path, lambda event: None, trust.options(tmp_path), {"NO_PROXY": "*", "no_proxy": "*"}
        )
        try:
            Thread(target=_connect, args=(client,), daemon=True).start()
            async with asyncio.timeout(30):
                handshaken = await opened
        finally:
            client.kill()

    registration = ClientPayload.FromString(handshaken.payload).devicePairingData
    assert hosts == ["web.whatsapp.com"]
    assert wire.sessions[0].received_bytes.startswith(b"WA\x06\x03")
    assert (len(handshaken.static_key), len(registration.eIdent), len(registration.eSkeySig)) == (32, 32, 64)
