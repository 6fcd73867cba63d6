"""Composition root of the network that speaks WhatsApp's protocol.

Owns: the order of start: documents, network, wire, and the control service last, so that whoever finds the service
ready finds all of it.
"""

import errno
import random
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from wamesh.clock import utc_now
from wamesh.emulator.noise import ServerIdentity
from wamesh.emulator.protocol import ProtocolNetwork
from wamesh.emulator.server.server import Server
from wamesh.emulator.serving import Emulator, call_later, refuse_outside, serve_control
from wamesh.emulator.store import IN_MEMORY, Documents, NoStore, StoreInUse
from wamesh.emulator.timing import PairingPace
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.wire import Certificates, ServiceDown, WirePort, listen
from wamesh.rpc.server import PortTaken
from wamesh.settings import WrongSetting

FILE_NAME: Final = "emulator.db"
_TRUST: Final = "trust"


async def serve_protocol(
    address: str,
    wire_address: str,
    *,
    directory: Path | None = None,
    seed: int | None = None,
    pace: PairingPace | None = None,
) -> Emulator:
    """Serves a network of WhatsApp's protocol: driven at `address`, spoken at `wire_address`, both on loopback.

    It goes on from what is stored in `directory`, or starts afresh in memory without one; a `seed` makes it repeatable.
    Raises WrongSetting, PortTaken.
    """
    refuse_outside(address)
    refuse_outside(wire_address, "WAMESH_EMULATOR_WIRE_ADDRESS")
    started = AsyncExitStack()
    documents = _documents(directory)
    started.callback(documents.close)
    try:
        randomness = _randomness(seed, documents)
        network = ProtocolNetwork(documents, utc_now, randomness, call_later, pace)
        identity, certificates = _trust(documents, randomness)
        port = await _listen(wire_address, certificates, identity, network.server, documents)
        started.push_async_callback(port.stop)
        network.listens_at(_wire(wire_address, port.port, certificates, identity))
        documents.commit()
        return await serve_control(network, address, started)
    except BaseException:
        await started.aclose()
        raise


def _documents(directory: Path | None) -> Documents:
    if directory is None:
        return Documents.open(IN_MEMORY)
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return Documents.open(directory / FILE_NAME)
    except (NoStore, StoreInUse) as error:
        raise WrongSetting(f"WAMESH_DATA_DIRECTORY: {error}") from None


def _randomness(seed: int | None, documents: Documents) -> Callable[[int], bytes]:
    """Where keys, ids and codes come from. A seeded network that goes on does not repeat what it drew before."""
    if seed is None:
        return secrets.token_bytes
    return random.Random(f"{seed} {sum(1 for _ in documents.all('events'))}").randbytes


def _trust(documents: Documents, randomness: Callable[[int], bytes]) -> tuple[ServerIdentity, Certificates]:
    """The keys that clients are told to trust: the stored ones, or new ones that are stored."""
    noise, tls = documents.get(_TRUST, "noise"), documents.get(_TRUST, "tls")
    identity = ServerIdentity.from_record(noise) if noise else ServerIdentity.create(randomness, utc_now())
    certificates = Certificates.from_record(tls) if tls else Certificates.create(utc_now())
    documents.put(_TRUST, "noise", identity.record())
    documents.put(_TRUST, "tls", certificates.record())
    return identity, certificates


async def _listen(
    address: str, certificates: Certificates, identity: ServerIdentity, server: Server, documents: Documents
) -> WirePort:
    """Opens the wire; what a turn changed is committed before its bytes go out. Raises PortTaken."""
    try:
        return await listen(
            address,
            certificates,
            lambda link: server.open(link, identity),
            server.media,
            lambda host: None if server.admits() else ServiceDown.UNAVAILABLE,
            documents.commit,
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"{address} is in use: stop what listens there, or set WAMESH_EMULATOR_WIRE_ADDRESS."
            ) from None
        raise


def _wire(address: str, port: int, certificates: Certificates, identity: ServerIdentity) -> pb.GetWireResponse:
    host = address.rpartition(":")[0]
    return pb.GetWireResponse(
        address=f"{host}:{port}",
        ca_certificate_pem=certificates.ca_pem.decode(),
        root_public_key=identity.root_public,
    )
