"""The library's protobuf messages without the library."""

import subprocess
import sys

import pytest

from wamesh.emulator.messages import Message, definitions

LOADS_WITHOUT_LIBRARY = """
import sys
before = list(sys.path)
from wamesh.emulator import messages
assert not [name for name in sys.modules if name.split(".")[0] == "neonize"]
assert sys.path == before
"""

LIBRARY_COMES_LATER = """
from wamesh.emulator.messages import Message
import neonize
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message as Theirs
assert neonize.NewClient
assert Theirs is Message
"""

LIBRARY_CAME_BEFORE = """
import neonize
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message as Theirs
from wamesh.emulator.messages import Message
assert Theirs is Message
"""


@pytest.mark.parametrize("program", [LOADS_WITHOUT_LIBRARY, LIBRARY_COMES_LATER, LIBRARY_CAME_BEFORE])
def test_messages_and_library_do_not_meet(program: str) -> None:
    """The messages load without the library, and it may be imported before or after them, with the same classes."""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_messages_are_usable() -> None:
    """A message encodes and reads back."""
    message = Message(conversation="Hello")
    assert Message.FromString(message.SerializeToString()) == message


def test_unknown_definitions_are_an_import_error() -> None:
    """A module that the library does not ship raises ImportError."""
    with pytest.raises(ImportError):
        definitions("waNowhere.Nothing_pb2")
