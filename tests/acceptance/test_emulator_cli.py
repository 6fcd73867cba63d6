"""`wamesh emulator ...` as a user meets it, against a running network; the contract is the same on every wire."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import Finished, start, wamesh
from support.emulator import RunningEmulator, protocol_emulator, running_emulator

from wamesh.console.ports import free_ports
from wamesh.emulator.client.trust import CA_FILE_NAME
from wamesh.emulator.v1 import emulator_pb2 as pb

SALON, CUSTOMER, STRANGER = "+12025550100", "+12025550111", "+12025550199"
PATIENCE_SECONDS = 20


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        running.add_account(SALON, "Salon")
        yield running


async def drive(emulator: RunningEmulator, *arguments: str) -> Finished:
    """Runs `wamesh emulator` with arguments against the network."""
    return await wamesh("emulator", *arguments, environment={"WAMESH_EMULATOR_TARGET": emulator.target})


async def test_an_account_is_made_and_listed(emulator: RunningEmulator) -> None:
    """`add` prints the account, `accounts` each on a line."""
    added = await drive(emulator, "add", STRANGER, "--name", "Barber")
    listed = await drive(emulator, "accounts")
    assert (added.code, listed.code) == (0, 0)
    assert [line.split()[0] for line in listed.out.splitlines()] == [SALON, STRANGER]
    assert added.out == listed.out.splitlines(keepends=True)[1]
    assert added.out.split()[2:] == ["Barber", "no", "device"]


async def test_a_customer_writes_and_reads_what_comes(emulator: RunningEmulator) -> None:
    """`say` and `send` print the message's id; `watch` shows what the salon writes; `read` counts it."""
    said = await drive(emulator, "say", CUSTOMER, SALON, "Привет", "--name", "Alex")
    (sent,) = emulator.events(pb.EVENT_KIND_CUSTOMER_SENT)
    assert (said.code, said.out) == (0, f"{sent.message_id}\n")
    assert sent.text == "Привет"
    emulator.stub.SendAsOwner(
        pb.SendAsOwnerRequest(account_phone_number=SALON, customer_phone_number=CUSTOMER, text="Добрый день")
    )
    watched = await drive(emulator, "watch", CUSTOMER, "--count", "1")
    assert (watched.code, watched.out.count("\n")) == (0, 1)
    assert f"{SALON}  " in watched.out
    assert watched.out.endswith("'Добрый день'\n")
    assert (await drive(emulator, "read", CUSTOMER, SALON)).out == "Unread before: 1.\n"


@pytest.mark.parametrize(("name", "kind"), [("prices.pdf", "document"), ("hair.jpg", "image")])
async def test_a_file_is_sent_as_what_it_is(emulator: RunningEmulator, tmp_path: Path, name: str, kind: str) -> None:
    """A picture goes as a picture, everything else as a document; its words go with it."""
    file = tmp_path / name
    file.write_bytes(b"0123456789")
    sent = await drive(emulator, "send", CUSTOMER, SALON, str(file), "--caption", "Look")
    (event,) = emulator.events(pb.EVENT_KIND_CUSTOMER_SENT)
    assert (sent.code, sent.out) == (0, f"{event.message_id}\n")
    assert event.detail == kind


async def test_the_log_is_filtered_and_can_be_json(emulator: RunningEmulator) -> None:
    """`events` prints what matches, a line each; with --json each line is the event as the contract names it."""
    emulator.say(CUSTOMER, SALON, "one")
    emulator.say(CUSTOMER, SALON, "two")
    lines = (await drive(emulator, "events", "--kind", "customer-sent", "--account", SALON)).out.splitlines()
    assert [line.split()[3] for line in lines] == ["CUSTOMER_SENT", "CUSTOMER_SENT"]
    assert "'two'" in lines[1]
    objects = (await drive(emulator, "events", "--json", "--customer", CUSTOMER)).out.splitlines()
    assert [json.loads(line)["text"] for line in objects] == ["one", "two"]


async def test_the_log_is_followed_until_its_reader_has_gone(emulator: RunningEmulator) -> None:
    """`events --follow` prints what happens next, and ends with 0 at Ctrl-C."""
    following = await start("emulator", "events", "--follow", environment={"WAMESH_EMULATOR_TARGET": emulator.target})
    assert following.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert b"ACCOUNT_ADDED" in await following.stdout.readline()
        await asyncio.to_thread(emulator.say, CUSTOMER, SALON, "later")
        assert b"'later'" in await following.stdout.readline()
        following.send_signal(2)
        _, err = await following.communicate()
    assert (following.returncode, err) == (0, b"")


async def test_a_fault_is_armed_and_cleared(emulator: RunningEmulator) -> None:
    """`fault` takes the contract's kinds in dashes; the log names it."""
    armed = await drive(emulator, "fault", SALON, "reject-send", "--code", "463", "--count", "2")
    cleared = await drive(emulator, "clear", SALON)
    assert (armed.code, armed.out) == (0, f"reject-send is injected for {SALON}.\n")
    assert (cleared.code, cleared.out) == (0, f"No fault is armed for {SALON}.\n")
    assert [each.detail for each in emulator.events(pb.EVENT_KIND_FAULT_INJECTED)] == ["REJECT_SEND"]


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["scan", STRANGER, "2@x"], 1, "ACCOUNT_NOT_FOUND"),
        (["scan", SALON, "2@x"], 1, "Start pairing again and use the newest code"),
        (["code", SALON, "ABCD-1234"], 1, "CODE_NOT_ON_OFFER"),
        (["code", SALON, "abc"], 1, "code: "),
        (["fault", SALON, "refuse-login"], 1, "REFUSE_LOGIN needs code"),
        (["fault", SALON, "drop-conection"], 2, "Did you mean drop-connection?"),
        (["events", "--kind", "message_sent_"], 2, "Did you mean message-sent?"),
        (["send", CUSTOMER, SALON, "no-such-file.pdf"], 2, "no-such-file.pdf: No such file or directory"),
        (["type", CUSTOMER, SALON], 1, "NO_WIRE"),
        (["trust"], 1, "does not speak WhatsApp's protocol"),
    ],
)
async def test_a_refusal_is_one_line(emulator: RunningEmulator, arguments: list[str], code: int, expected: str) -> None:
    """The network's refusals end with 1, what is wrong here with 2; the line says what to do."""
    finished = await drive(emulator, *arguments)
    assert (finished.code, finished.out, finished.err.count("\n")) == (code, "", 1)
    assert finished.err.startswith("wamesh emulator: ")
    assert expected in finished.err


async def test_a_client_is_told_whom_to_trust(tmp_path: Path) -> None:
    """`trust` writes the authority's certificate and prints the environment, as the emulator tells both."""
    with protocol_emulator() as emulator:
        wire = emulator.stub.GetWire(pb.GetWireRequest())
        told = await drive(emulator, "trust", "--out", str(tmp_path))
    ca_file = tmp_path / CA_FILE_NAME
    assert (told.code, ca_file.read_text()) == (0, wire.ca_certificate_pem)
    assert told.out.splitlines() == [
        f"export HTTPS_PROXY=http://{wire.address}",
        f"export SSL_CERT_FILE={ca_file}",
        f"export NODE_EXTRA_CA_CERTS={ca_file}",
        f"export WHATSAPP_ROOT_PUBLIC_KEY={wire.root_public_key.hex()}",
    ]


async def test_a_customer_types() -> None:
    """`type` starts, and stops with --stop."""
    with protocol_emulator() as emulator:
        emulator.add_account(SALON)
        typing = await drive(emulator, "type", CUSTOMER, SALON)
        stopped = await drive(emulator, "type", CUSTOMER, SALON, "--stop")
    assert (typing.out, stopped.out) == (f"{CUSTOMER} types.\n", f"{CUSTOMER} stopped typing.\n")


@pytest.mark.parametrize("arguments", [["accounts"], ["trust"], ["events", "--follow"]])
async def test_nobody_there_is_told(arguments: list[str]) -> None:
    """Where no emulator runs, the line says how to start one."""
    finished = await wamesh(
        "emulator", *arguments, environment={"WAMESH_EMULATOR_TARGET": f"127.0.0.1:{free_ports(1)[0]}"}
    )
    assert (finished.code, finished.err.count("\n")) == (1, 1)
    assert "`wamesh emulator`" in finished.err
