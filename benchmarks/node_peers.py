"""The peers' processes: Node's scripts led to one emulator, told and asked by JSON lines, and posted to by HTTP.

Owns: starting and ending them, and the caller of their `POST /send`. Refuses: what is measured against what (`peers`).
Invariant: no process outlives the benchmark, since each also ends when its standard input closes.
"""

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

from measuring import Measure, measure
from sessions import CUSTOMERS, RawClient

from wamesh.console import demo
from wamesh.emulator.client.discovery import trust_of
from wamesh.emulator.v1 import emulator_pb2 as network

INSTALL: Final = Path(__file__).parent / "peers" / "install"
SOURCES: Final = "benchmarks/peers/express-baileys"
TEXT: Final = "See you tomorrow at 18:30."


class Node:
    """Starts the peers' scripts, led to one emulator."""

    def __init__(self, tree: Path, environment: Mapping[str, str]) -> None:
        self._tree = tree
        self._environment = {**os.environ, **environment, "NODE_ENV": "production"}

    @classmethod
    async def installed(cls, running: demo.Demo, directory: Path) -> Self:
        """Has npm install what the peers need."""
        options = (await trust_of(running.addresses.emulator)).options(directory)
        environment = {
            "EMULATOR_ROOT_KEY": options["root_public_key"],
            "EMULATOR_WIRE": options["wire_address"],
            "NODE_EXTRA_CA_CERTS": options["ca_file"],
        }
        install = await asyncio.create_subprocess_exec(INSTALL, stdout=asyncio.subprocess.PIPE)
        printed, _ = await install.communicate()
        if install.returncode:
            raise SystemExit("The peers' packages could not be installed; Node 20 and npm are needed.")
        return cls(Path(printed.decode().strip()), environment)

    @asynccontextmanager
    async def running(self, script: str, **settings: str) -> AsyncIterator[RawClient]:
        """A script in a process of its own; it ends with this one."""
        process = await asyncio.create_subprocess_exec(
            *("node", "--preserve-symlinks", "--preserve-symlinks-main", str(self._tree / SOURCES / script)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment | settings,
            limit=1 << 24,
        )
        try:
            yield RawClient(process)
        finally:
            process.kill()
            await process.wait()


async def link(running: demo.Demo, client: RawClient, account: str) -> None:
    """Scans the client's QR code and waits until it is logged in."""
    await running.emulator.AddAccount(network.AddAccountRequest(phone_number=account, push_name="Salon"))
    while "qr" not in (told := await client.line()):
        pass
    await running.emulator.ScanQr(network.ScanQrRequest(phone_number=account, code=told["qr"]))
    while "connected" not in await client.line():
        pass


class Poster:
    """Posts JSON to `/send` over connections that are kept alive, one a caller.

    No HTTP library, so that the caller costs as little as it can.
    """

    def __init__(self, port: int) -> None:
        requests = [{"companyId": demo.COMPANY_ID, "to": to, "text": TEXT} for to in CUSTOMERS]
        self._port = port
        self._bodies = itertools.cycle([json.dumps(each).encode() for each in requests])
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def open(self, connections: int) -> None:
        """Opens so many connections."""
        self._idle = [await asyncio.open_connection("127.0.0.1", self._port) for _ in range(connections)]

    def close(self) -> None:
        """Closes them all."""
        for _, writer in self._idle:
            writer.close()

    async def post(self) -> None:
        """Posts to the next customer. Raises RuntimeError unless the answer is 200."""
        reader, writer = self._idle.pop()
        body = next(self._bodies)
        writer.write(_HEAD.format(len(body)).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        content = await reader.readexactly(int(head.partition("content-length:")[2].partition("\r\n")[0]))
        if not head.startswith("http/1.1 200 "):
            raise RuntimeError(f"{head.splitlines()[0]}: {content!r}")
        self._idle.append((reader, writer))


_HEAD: Final = "POST /send HTTP/1.1\r\nHost: peer\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


def measure_posts(port: int) -> Callable[[int, int], Awaitable[Measure]]:
    """Returns what measures so many posts by so many callers."""
    poster = Poster(port)

    async def measured(callers: int, count: int) -> Measure:
        await poster.open(callers)
        try:
            return await measure(poster.post, callers, count)
        finally:
            poster.close()

    return measured
