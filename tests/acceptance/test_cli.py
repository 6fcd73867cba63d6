"""The command line as a user meets it: what it answers, and how it refuses."""

import asyncio
import re
import signal
from pathlib import Path

import pytest
from support.command_line import start, wamesh

from wamesh.console.demo import SALON_NUMBER, Demo, free_addresses
from wamesh.emulator.v1 import emulator_pb2
from wamesh.gateway.v1 import gateway_pb2

OFFERED_TIME = re.compile(r"^\d\. \d{2}:\d{2} — \w+", re.MULTILINE)


@pytest.mark.parametrize(
    ("transport", "sentence", "service"),
    [("neonize", "Хочу на стрижку завтра вечером", "Стрижка"), ("memory", "Haircut tomorrow evening", "Haircut")],
)
async def test_the_demo_prints_real_slots(transport: str, sentence: str, service: str) -> None:
    """One exchange through real processes: the reply alone on standard output, exit code 0."""
    finished = await wamesh("demo", "--transport", transport, "--say", sentence)
    assert finished.code == 0, finished.err
    assert finished.out.startswith(service)
    assert OFFERED_TIME.search(finished.out)


async def test_a_second_gateway_never_opens_a_second_session(mesh: Demo, tmp_path: Path) -> None:
    """On a data directory in use it refuses to start, and the network sees one connection all along."""
    await mesh.customer("+12025550140", "Sam").ask("Hello")
    environment = {
        **mesh.addresses.environment(tmp_path),
        "WAMESH_GATEWAY_ADDRESS": "127.0.0.1:0",
        "WAMESH_LOCK_WAIT_SECONDS": "0.2",
    }
    finished = await wamesh("gateway", environment=environment)
    assert finished.code == 2
    assert finished.err.splitlines()[-1].startswith("wamesh gateway: Another gateway is using")
    kinds = [emulator_pb2.EVENT_KIND_LOGGED_IN, emulator_pb2.EVENT_KIND_REPLACED]
    filters = emulator_pb2.EventFilter(account_phone_number=SALON_NUMBER, kinds=kinds)
    seen = await mesh.emulator.ListEvents(emulator_pb2.ListEventsRequest(filter=filters))
    assert [each.kind for each in seen.events] == [emulator_pb2.EVENT_KIND_LOGGED_IN]


@pytest.mark.parametrize(
    ("process", "variable", "value", "expected"),
    [
        ("gateway", "WAMESH_GATEWAY_ADDRESS", "nowhere", "WAMESH_GATEWAY_ADDRESS: must be host:port"),
        ("worker", "WAMESH_WORKER_QUIET_SECONDS", "-1", "WAMESH_WORKER_QUIET_SECONDS"),
        ("emulator", "WAMESH_EMULATOR_ADDRESS", "0.0.0.0:0", "must be a loopback address"),
        ("emulator", "WAMESH_EMULATOR_WIRE_ADDRESS", "0.0.0.0:0", "must be a loopback address"),
        ("emulator", "WAMESH_EMULATOR_SEED", "many", "WAMESH_EMULATOR_SEED"),
    ],
)
async def test_a_start_that_cannot_be_says_why_in_one_line(
    tmp_path: Path, process: str, variable: str, value: str, expected: str
) -> None:
    """Exit code 2, one line that says what to do, no traceback and no password."""
    finished = await wamesh(process, environment={"WAMESH_DATA_DIRECTORY": str(tmp_path), variable: value})
    assert finished.code == 2
    assert finished.err.count("\n") == 1
    assert expected.lower() in finished.err.lower()
    assert "hunter2" not in finished.err


@pytest.mark.parametrize("process", ["booking", "gateway"])
async def test_a_start_without_its_database_may_be_tried_again(tmp_path: Path, process: str) -> None:
    """Exit code 1, since the database may just be starting; one line, and no password in it."""
    url = "postgresql://u:hunter2@127.0.0.1:1/w"
    finished = await wamesh(process, environment={"WAMESH_DATA_DIRECTORY": str(tmp_path), "WAMESH_DATABASE_URL": url})
    assert (finished.code, finished.err.count("\n")) == (1, 1)
    assert "database" in finished.err.lower()
    assert "hunter2" not in finished.err


async def test_a_taken_port_is_named(mesh: Demo, tmp_path: Path) -> None:
    """Every server says which address is taken, and ends."""
    for process, address in (("booking", mesh.addresses.booking), ("api", mesh.addresses.api)):
        finished = await wamesh(
            process, "--address", address, environment={"WAMESH_DATA_DIRECTORY": str(tmp_path / "other")}
        )
        assert finished.code == 2
        assert address in finished.err


async def test_an_operator_sees_health_and_sends(mesh: Demo, tmp_path: Path) -> None:
    """health, send and slots against a running mesh; a number that cannot be is refused with the reason."""
    environment = mesh.addresses.environment(tmp_path)
    health = await wamesh("health", "1", environment=environment)
    assert (health.code, "CONNECTED" in health.out) == (0, True)
    sent = await wamesh("send", "1", "+12025550141", "Hello", environment=environment)
    assert (sent.code, sent.out.startswith("SENT")) == (0, True)
    refused = await wamesh("send", "1", "+1202", "Hello", environment=environment)
    assert (refused.code, "too short" in refused.err) == (1, True)
    slots = await wamesh("slots", "1", "haircut", environment=environment)
    assert (slots.code, "Europe/Berlin" in slots.out) == (0, True)
    unknown = await wamesh("health", "77", environment=environment)
    assert (unknown.code, "SESSION_NOT_FOUND" in unknown.err) == (1, True)


async def test_an_operator_watches_and_replays(mesh: Demo, tmp_path: Path) -> None:
    """What changes is shown as it happens, and a message that a subscription gave up on is delivered again."""
    environment = {**mesh.addresses.environment(tmp_path), "PYTHONUNBUFFERED": "1"}
    watching = await start("watch", "1", environment=environment)
    assert watching.stdout is not None
    assert (await watching.stdout.readline()).startswith(b"watching from ")
    await give_up_on_a_message(mesh)
    asked = await wamesh("subscriptions", environment=environment)
    assert (asked.code, asked.out.splitlines()[1].split()) == (1, ["broken", "0", "-", "1"])
    letters = await wamesh("dead-letters", "broken", "--company", "1", environment=environment)
    assert (letters.code, "Hello" in letters.out) == (0, True)
    replayed = await wamesh("dead-letters", "broken", "--replay", environment=environment)
    assert (replayed.code, replayed.out) == (0, "1 to be delivered again\n")
    unknown = await wamesh("dead-letters", "nobody", environment=environment)
    assert (unknown.code, "SUBSCRIPTION_NOT_FOUND" in unknown.err) == (1, True)
    await wamesh("send", "1", "+12025550141", "Hello", "--request-id", "r-1", environment=environment)
    async with asyncio.timeout(20):
        while b"company 1: message r-1 SENT" not in await watching.stdout.readline():
            pass
    watching.send_signal(signal.SIGINT)
    await watching.wait()


async def give_up_on_a_message(mesh: Demo) -> None:
    """A customer writes, and the subscription `broken` fails at it once and for all."""
    receiving = mesh.gateway.Receive()
    opening = gateway_pb2.OpenSubscription(subscription="broken", max_attempts=1)
    opening.quiet_period.SetInParent()
    await receiving.write(gateway_pb2.ReceiveRequest(open=opening))
    await receiving.read()
    await mesh.customer("+12025550141", "Sam").write("Hello")
    nack = gateway_pb2.Nack(delivery_id=(await receiving.read()).delivery.delivery_id)
    nack.retry_delay.SetInParent()
    await receiving.write(gateway_pb2.ReceiveRequest(nack=nack))
    request = gateway_pb2.ListDeadLettersRequest(subscription="broken")
    async with asyncio.timeout(20):
        while not (await mesh.gateway.ListDeadLetters(request)).dead_letters:  # noqa: ASYNC110 - asks another process
            await asyncio.sleep(0.05)
    receiving.cancel()


async def test_up_runs_until_ctrl_c_and_drains(tmp_path: Path) -> None:
    """All processes in one terminal; Ctrl-C ends them with exit code 0."""
    environment = free_addresses(anywhere=True).environment(tmp_path)
    process = await start("up", environment=environment)
    assert process.stderr is not None
    seen: list[str] = []
    async with asyncio.timeout(60):
        while not any("ready: http://" in line for line in seen):
            seen.append((await process.stderr.readline()).decode())
        process.send_signal(signal.SIGINT)
        _, rest = await process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in "".join(seen) + rest.decode()


async def test_up_refuses_taken_addresses_before_it_starts_anything(mesh: Demo, tmp_path: Path) -> None:
    """One line names the address and the setting."""
    finished = await wamesh("up", environment=mesh.addresses.environment(tmp_path))
    assert finished.code == 2
    assert finished.err.splitlines() == [
        f"wamesh up: {mesh.addresses.gateway} is taken: end the process that listens there, "
        "or set WAMESH_GATEWAY_ADDRESS."
    ]


async def test_a_salon_of_ones_own_is_loaded_from_the_example(tmp_path: Path) -> None:
    """`wamesh seed` prints a file that `wamesh seed FILE` loads; a mistake in it is told with its place."""
    environment = {"WAMESH_DATA_DIRECTORY": str(tmp_path / "data")}
    salon = tmp_path / "salon.yaml"
    salon.write_text((await wamesh("seed", environment=environment)).out)
    loaded = await wamesh("seed", str(salon), environment=environment)
    assert (loaded.code, loaded.out) == (0, "Company 1, Salon Aurora: loaded.\n")
    salon.write_text(salon.read_text().replace("price: 35\n", "price: cheap\n"))
    refused = await wamesh("seed", str(salon), environment=environment)
    assert refused.code == 2
    assert 'services[id 1].price: "cheap" is not a price' in refused.err


async def test_the_demo_needs_words() -> None:
    """An empty sentence is refused before anything starts."""
    finished = await wamesh("demo", "--say", "")
    assert (finished.code, finished.out) == (2, "")
    assert finished.err == "wamesh demo: --say: A message has 1 to 65536 bytes: write something, or less.\n"
