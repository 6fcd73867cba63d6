"""Where the library's memory is, and what happens when it is not what we think."""

import subprocess
import sys

import pytest

from wamesh.emulator.client.native_root_key import Mapping, library_mappings

MAPS = """\
7f0000000000-7f0000001000 r--p 00000000 08:01 11 /venv/neonize/neonize-linux-amd64.so
7f0000001000-7f0000002000 rw-p 00001000 08:01 11 /venv/neonize/neonize-linux-amd64.so
7f0000002000-7f0000003000 rw-p 00000000 00:00 0
7f0000003000-7f0000004000 rw-p 00002000 08:01 11 /with a blank/neonize-linux-arm64.so
7f0000004000-7f0000005000 rw-s 00002000 08:01 11 /venv/neonize/neonize-linux-amd64.so
7f0000005000-7f0000006000 rw-p 00000000 08:01 12 /usr/lib/libc.so.6
7f0000006000-7f0000007000 rw-p 00000000 00:00 0 [heap]
"""
_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
_TRUST = 'Trust("127.0.0.1:1", b"", {key})'
_SCRIPT = """
from wamesh.emulator.client import native_root_key as module
from wamesh.emulator.client.trust import Trust
"""


def test_only_the_librarys_private_writable_memory_counts() -> None:
    """Code, shared memory and other libraries are left alone."""
    assert list(library_mappings(MAPS)) == [
        Mapping(0x7F0000001000, 0x7F0000002000),
        Mapping(0x7F0000003000, 0x7F0000004000),
    ]


def _run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", _SCRIPT + script], capture_output=True, text=True, timeout=60)


@_LINUX
def test_library_must_be_loaded() -> None:
    """Without the library there is nothing to replace, and that is said."""
    done = _run(f"module.believe({_TRUST.format(key='bytes(32)')})")
    assert "neonize's library is not loaded in this process" in done.stderr


@_LINUX
def test_key_is_replaced_once_and_for_one_emulator() -> None:
    """The loaded library's constant becomes the emulator's key; another emulator needs another process."""
    done = _run(f"""
import wamesh.whatsapp.neonize.transport
key = bytes(range(32))
module.believe({_TRUST.format(key="key")})
module.believe({_TRUST.format(key="key")})
memory = b"".join(mapping.read() for mapping in module.library_mappings(open("/proc/self/maps").read()))
print(memory.count(key), memory.count(module.WHATSAPP_ROOT_KEY))
module.believe({_TRUST.format(key="bytes(32)")})
""")
    assert done.stdout.split() == ["1", "0"]
    assert "this process believes another emulator already" in done.stderr
