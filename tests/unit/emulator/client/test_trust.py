"""What a session process is told of an emulator."""

from pathlib import Path

import pytest

from wamesh.emulator.client.trust import Trust, UntrustworthyEmulator
from wamesh.whatsapp.neonize.native_environment import process_environment

KEY = bytes(range(32))


def test_options_carry_everything(tmp_path: Path) -> None:
    """What was written into the options is what the process reads from them."""
    trust = Trust("127.0.0.1:50054", b"PEM", KEY)
    options = trust.options(tmp_path / "company")
    assert Trust.from_options(options) == trust
    assert options == {
        "wire_address": "127.0.0.1:50054",
        "ca_file": str(tmp_path / "company" / "emulator-ca.pem"),
        "root_public_key": KEY.hex(),
    }


def test_process_trusts_the_authority(tmp_path: Path) -> None:
    """The session process is started with the authority's file, and without the library's label."""
    options = Trust("127.0.0.1:1", b"PEM", KEY).options(tmp_path)
    assert process_environment("emulator", options) == {
        "NEONIZE_BOT_TAG": "off",
        "SSL_CERT_FILE": str(tmp_path / "emulator-ca.pem"),
    }


def test_new_authority_replaces_the_old_one(tmp_path: Path) -> None:
    """The file in the company's directory is always the last one that was told."""
    Trust("127.0.0.1:1", b"old", KEY).options(tmp_path)
    options = Trust("127.0.0.1:1", b"new", KEY).options(tmp_path)
    assert Trust.from_options(options).ca_pem == b"new"


@pytest.mark.parametrize("address", ["web.whatsapp.com:443", "192.168.0.1:1", "0.0.0.0:1", "", "[2001:db8::1]:1"])
def test_only_this_machine_is_trusted(address: str) -> None:
    """No client is led off this machine."""
    with pytest.raises(UntrustworthyEmulator, match="loopback"):
        Trust(address, b"PEM", KEY)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_root_key_has_its_length(length: int) -> None:
    """A key of another length would overwrite something else."""
    with pytest.raises(UntrustworthyEmulator, match=f"{length} bytes"):
        Trust("127.0.0.1:1", b"PEM", bytes(length))


@pytest.mark.parametrize("name", ["wire_address", "ca_file", "root_public_key"])
def test_missing_option_is_named(tmp_path: Path, name: str) -> None:
    """The refusal names what is missing."""
    options = Trust("127.0.0.1:1", b"PEM", KEY).options(tmp_path)
    del options[name]
    with pytest.raises(UntrustworthyEmulator, match=name):
        Trust.from_options(options)


@pytest.mark.parametrize(("name", "value"), [("ca_file", "/nowhere/ca.pem"), ("root_public_key", "not hex")])
def test_unreadable_option_is_refused(tmp_path: Path, name: str, value: str) -> None:
    """What cannot be read is an error of the same kind."""
    options = Trust("127.0.0.1:1", b"PEM", KEY).options(tmp_path)
    with pytest.raises(UntrustworthyEmulator):
        Trust.from_options(options | {name: value})


def test_environment_carries_everything(tmp_path: Path) -> None:
    """What any other client's process is started with is what its program reads."""
    trust = Trust("127.0.0.1:50054", b"PEM", KEY)
    environment = trust.environment(tmp_path)
    assert Trust.from_environment(environment) == trust
    assert environment == {
        "HTTPS_PROXY": "http://127.0.0.1:50054",
        "SSL_CERT_FILE": str(tmp_path / "emulator-ca.pem"),
        "NODE_EXTRA_CA_CERTS": str(tmp_path / "emulator-ca.pem"),
        "WHATSAPP_ROOT_PUBLIC_KEY": KEY.hex(),
    }


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "SSL_CERT_FILE", "WHATSAPP_ROOT_PUBLIC_KEY"])
def test_missing_variable_is_named(tmp_path: Path, name: str) -> None:
    """The refusal names what the process was started without."""
    environment = Trust("127.0.0.1:1", b"PEM", KEY).environment(tmp_path)
    del environment[name]
    with pytest.raises(UntrustworthyEmulator, match=name):
        Trust.from_environment(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "http://proxy.example.com:3128"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("WHATSAPP_ROOT_PUBLIC_KEY", "not hex"),
    ],
)
def test_environment_of_no_emulator_is_refused(tmp_path: Path, name: str, value: str) -> None:
    """A proxy off this machine is somebody else's, and what cannot be read is an error of the same kind."""
    environment = Trust("127.0.0.1:1", b"PEM", KEY).environment(tmp_path)
    with pytest.raises(UntrustworthyEmulator):
        Trust.from_environment(environment | {name: value})
