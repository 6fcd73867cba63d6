"""The options of channels and servers."""

from pathlib import Path

import grpc
import pytest

from wamesh.rpc.client import CHANNEL_OPTIONS
from wamesh.rpc.server import SERVER_OPTIONS

(CORE,) = Path(grpc.__file__).parent.glob("_cython/cygrpc.*.so")


@pytest.mark.parametrize("option", sorted({name for name, _ in (*CHANNEL_OPTIONS, *SERVER_OPTIONS)}))
def test_every_option_is_one_that_grpc_knows(option: str) -> None:
    """gRPC ignores an option that it does not know in silence: a wrong name cut each idle stream once a minute."""
    assert option.encode() + b"\0" in CORE.read_bytes()
