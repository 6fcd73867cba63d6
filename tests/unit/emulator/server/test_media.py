import json

import pytest
from support.server_world import ACCOUNT, ServerWorld

from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.wire.contract import MediaRequest, MediaResponse


def request(method: str, path: str, body: bytes = b"", **query: str) -> MediaRequest:
    return MediaRequest(method, "mmg.whatsapp.net", path, query, {}, body)


def uploaded(world: ServerWorld, data: bytes) -> MediaResponse:
    return world.server.media.handle(request("POST", "/mms/image/HASH", data, auth="12025550100.1", token="HASH"))


def test_upload_can_be_downloaded() -> None:
    """A file comes back, byte for byte, at the direct path that its upload was answered with."""
    world = ServerWorld()
    path = json.loads(uploaded(world, b"sealed").body)["direct_path"]
    response = world.server.media.handle(request("GET", path.partition("?")[0]))
    assert (response.status, response.body) == (200, b"sealed")


def test_transfers_are_logged() -> None:
    """The log says who uploaded, and how many bytes went each way."""
    world = ServerWorld()
    path = json.loads(uploaded(world, b"sealed").body)["direct_path"]
    world.server.media.handle(request("GET", path.partition("?")[0]))
    assert [(event.kind, event.account_phone_number, event.device, event.code) for event in world.log.after(0)] == [
        (pb.EVENT_KIND_MEDIA_UPLOADED, ACCOUNT, 1, 6),
        (pb.EVENT_KIND_MEDIA_DOWNLOADED, "", 0, 6),
    ]


@pytest.mark.parametrize(
    "auth",
    ["", "nobody", "12025550100", "x.1", "12025550100.99999999999", "12025550100.0", "٣٣٣٣٣٣٣٣.1", "1" * 5000 + ".1"],
)
def test_upload_needs_a_token(auth: str) -> None:
    """Who does not say whose device it is uploads nothing."""
    world = ServerWorld()
    assert world.server.media.handle(request("POST", "/mms/image/HASH", b"x", auth=auth)).status == 401


@pytest.mark.parametrize(("method", "path"), [("GET", "/v/image/none"), ("GET", "/"), ("DELETE", "/mms/image/x")])
def test_nothing_is_there(method: str, path: str) -> None:
    """What was never uploaded is not found."""
    assert ServerWorld().server.media.handle(request(method, path)).status == 404


def test_phones_share_the_files() -> None:
    """A phone of this process loads by direct path what a client uploaded, and the other way round."""
    world = ServerWorld()
    path = world.server.media.store(b"sealed", "image")
    assert world.server.media.load(path) == b"sealed"
    assert world.server.media.handle(request("GET", path.partition("?")[0])).body == b"sealed"
    assert world.server.media.load("/v/image/none") is None
