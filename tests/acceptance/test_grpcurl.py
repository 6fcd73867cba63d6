"""What a person with grpcurl does to a running mesh, exactly as the README shows it."""

import asyncio
import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from wamesh.console.demo import Demo

pytestmark = pytest.mark.asyncio(loop_scope="module")

README = Path(__file__).parents[2] / "README.md"
GRPCURL = Path(sys.executable).with_name("grpcurl")


async def shell(mesh: Demo, command: str) -> tuple[int, str]:
    """Runs a command line against the mesh's own ports. Returns exit code and output, standard error included."""
    moved = command.replace("localhost:50051", mesh.addresses.gateway).replace(
        "localhost:50052", mesh.addresses.booking
    )
    process = await asyncio.create_subprocess_shell(
        moved,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PATH": f"{GRPCURL.parent}:{os.environ['PATH']}"},
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def grpcurl(mesh: Demo, *arguments: str) -> tuple[int, str]:
    """Runs grpcurl without TLS."""
    return await shell(mesh, shlex.join(["grpcurl", "-plaintext", *arguments]))


def readme_commands() -> list[str]:
    """Every grpcurl command of the README, continuation lines joined."""
    blocks = re.findall(r"```(?:sh|console|bash)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line.removeprefix("$ ") for line in joined.splitlines() if line.removeprefix("$ ").startswith("grpcurl")]


async def test_the_commands_of_the_readme_work(shared_mesh: Demo) -> None:
    """Each grpcurl command of the README ends with exit code 0."""
    commands = readme_commands()
    assert len(commands) >= 5
    for command in commands:
        code, out = await shell(shared_mesh, command)
        assert code == 0, f"{command}\n{out}"


async def test_reflection_lists_and_describes(shared_mesh: Demo) -> None:
    """list and describe work without any proto file at hand."""
    _, services = await grpcurl(shared_mesh, "localhost:50051", "list")
    assert {"wamesh.gateway.v1.Gateway", "grpc.health.v1.Health"} <= set(services.split())
    _, described = await grpcurl(shared_mesh, "localhost:50052", "describe", "wamesh.booking.v1.FindSlotsRequest")
    assert "int64 company_id = 1" in described


@pytest.mark.parametrize("company_id", [0, -1, None])
async def test_a_company_id_that_cannot_be_is_refused(shared_mesh: Demo, company_id: int | None) -> None:
    """The server names the field."""
    request = {"company_id": company_id, "segments": [{"service_id": 1}], "dates": {"first_date": "2026-12-01"}}
    code, out = await grpcurl(
        shared_mesh, "-d", json.dumps(request), "localhost:50052", "wamesh.booking.v1.Booking/FindSlots"
    )
    assert code != 0
    assert "company_id: must be greater than 0" in out


@pytest.mark.parametrize("company_id", ["x", 1.5, {}, True])
async def test_a_company_id_of_another_type_never_leaves_grpcurl(shared_mesh: Demo, company_id: object) -> None:
    """The schema alone makes the client refuse it."""
    request = json.dumps({"company_id": company_id})
    code, out = await grpcurl(shared_mesh, "-d", request, "localhost:50052", "wamesh.booking.v1.Booking/ListStaff")
    assert code != 0
    assert "error getting request data" in out


async def test_send_health_and_slots(shared_mesh: Demo) -> None:
    """Send reaches a customer, Health is connected, FindSlots finds."""
    send = {"company_id": 1, "request_id": "grpcurl-1", "phone_number": "+12025550130", "text": "Hello"}
    sent = await _json(shared_mesh, send, "localhost:50051", "wamesh.gateway.v1.Gateway/Send")
    assert sent["message"]["state"] == "DELIVERY_STATE_SENT"
    health = await _json(shared_mesh, {"company_id": 1}, "localhost:50051", "wamesh.gateway.v1.Gateway/Health")
    assert health["sessions"][0]["session"]["state"] == "SESSION_STATE_CONNECTED"
    alive = await _json(shared_mesh, {}, "localhost:50051", "grpc.health.v1.Health/Check")
    assert alive == {"status": "SERVING"}


async def test_what_happened_can_be_listed_and_watched(shared_mesh: Demo) -> None:
    """ListMessages has what was sent; WatchEvents tells of it once more from the beginning, and has no end."""
    send = {"company_id": 1, "request_id": "grpcurl-2", "phone_number": "+12025550131", "text": "Hello"}
    await _json(shared_mesh, send, "localhost:50051", "wamesh.gateway.v1.Gateway/Send")
    of_chat = {"company_id": 1, "chat": "12025550131@s.whatsapp.net"}
    listed = await _json(shared_mesh, of_chat, "localhost:50051", "wamesh.gateway.v1.Gateway/ListMessages")
    assert [each["outgoing"]["requestId"] for each in listed["messages"]] == ["grpcurl-2"]
    start = json.dumps({"from_earliest": True, "company_ids": [1]})
    _, out = await grpcurl(
        shared_mesh, "-max-time", "2", "-d", start, "localhost:50051", "wamesh.gateway.v1.Gateway/WatchEvents"
    )
    assert "openedCursor" in out and "DeadlineExceeded" in out
    assert out.index('"DELIVERY_STATE_SENDING"') < out.index('"DELIVERY_STATE_SENT"')
    assert '"SESSION_STATE_CONNECTED"' in out


async def _json(mesh: Demo, request: dict[str, Any], address: str, method: str) -> Any:
    code, out = await grpcurl(mesh, "-d", json.dumps(request), address, method)
    assert code == 0, out
    return json.loads(out)
