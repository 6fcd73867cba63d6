"""`wamesh up --transport emulator`, driven from a second terminal by nothing but `wamesh`."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from support.command_line import start, wamesh

from wamesh.console.demo import free_addresses

SALON, BARBER, CUSTOMER = "+12025550100", "+12025550101", "+12025550111"
STARTED_SECONDS = 60


@asynccontextmanager
async def mesh_in_a_terminal(environment: Mapping[str, str]) -> AsyncIterator[None]:
    """`wamesh up` from when it says that it is ready until Ctrl-C."""
    process = await start("up", "--transport", "emulator", environment=environment)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(STARTED_SECONDS):
            while b"ready: http://" not in await process.stderr.readline():
                assert not process.stderr.at_eof()
        yield
    finally:
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, "Traceback" in err.decode()) == (0, False)


async def paired_by_qr(environment: Mapping[str, str]) -> str:
    """Pairs company 1 with a scan of the first code's text; returns what `wamesh pair` said at the end."""
    pairing = await start("pair", "1", "--text", environment=environment)
    assert pairing.stdout is not None
    code = (await asyncio.wait_for(pairing.stdout.readline(), STARTED_SECONDS)).decode().strip()
    scanned = await wamesh("emulator", "scan", SALON, code, environment=environment)
    assert (scanned.code, scanned.out) == (0, "Device 1 is linked.\n"), scanned.err
    out, _ = await asyncio.wait_for(pairing.communicate(), STARTED_SECONDS)
    return out.decode()


async def paired_by_code(environment: Mapping[str, str]) -> str:
    """Pairs company 2 by typing the pair code on the phone; returns what `wamesh pair` said at the end."""
    pairing = await start("pair", "2", "--phone", BARBER, environment=environment)
    assert pairing.stdout is not None
    line = (await asyncio.wait_for(pairing.stdout.readline(), STARTED_SECONDS)).decode()
    (code,) = re.findall(r"\b[0-9A-Z]{4}-?[0-9A-Z]{4}\b", line)
    typed = await wamesh("emulator", "code", BARBER, code, environment=environment)
    assert (typed.code, typed.out) == (0, "Device 1 is linked.\n"), typed.err
    out, _ = await asyncio.wait_for(pairing.communicate(), STARTED_SECONDS)
    return out.decode()


async def test_numbers_are_linked_by_qr_and_by_pair_code(tmp_path: Path) -> None:
    """Two companies link numbers, each in one of the two ways; what one sends reaches a customer's phone."""
    environment = free_addresses(anywhere=True).environment(tmp_path)
    async with mesh_in_a_terminal(environment):
        for number in (SALON, BARBER):
            assert (await wamesh("emulator", "add", number, environment=environment)).code == 0
        assert await paired_by_qr(environment) == f"Linked: {SALON}\n"
        assert await paired_by_code(environment) == f"Linked: {BARBER}\n"
        async with asyncio.timeout(STARTED_SECONDS):
            while (await wamesh("health", environment=environment)).code != 0:
                pass  # a number logs in a moment after it was linked
        sent = await wamesh("send", "1", CUSTOMER, "Good day", environment=environment)
        seen = await wamesh("emulator", "watch", CUSTOMER, "--count", "1", environment=environment)
        assert (sent.code, sent.out.startswith("SENT")) == (0, True)
        assert seen.out.endswith(f"{sent.out.split()[1]}  'Good day'\n")
