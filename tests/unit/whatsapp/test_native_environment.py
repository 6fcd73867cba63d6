"""What a session process must be started with."""

import pytest

from wamesh.whatsapp.neonize.native_environment import WrongEnvironment, process_environment, refuse_wrong_environment


def test_neonize_is_started_without_its_label() -> None:
    """The library's AI label is off in every session process."""
    assert process_environment("neonize") == {"NEONIZE_BOT_TAG": "off"}


def test_authority_reaches_the_library() -> None:
    """A certificate authority of the options is what the Go runtime trusts; an empty option adds none."""
    expected = {"NEONIZE_BOT_TAG": "off", "SSL_CERT_FILE": "/etc/ca.pem"}
    assert process_environment("neonize", {"ca_file": "/etc/ca.pem"}) == expected
    assert process_environment("emulator", {"ca_file": "/etc/ca.pem"}) == expected
    assert process_environment("neonize", {"ca_file": ""}) == {"NEONIZE_BOT_TAG": "off"}


def test_missing_authority_is_named() -> None:
    """A process that was started without its authority would refuse every certificate: it is told before."""
    with pytest.raises(WrongEnvironment, match=r"SSL_CERT_FILE=/etc/ca\.pem"):
        refuse_wrong_environment("neonize", {"NEONIZE_BOT_TAG": "off"}, {"ca_file": "/etc/ca.pem"})


def test_memory_needs_nothing() -> None:
    """The simulated network needs no variable."""
    assert process_environment("memory") == {}


@pytest.mark.parametrize("environment", [{}, {"NEONIZE_BOT_TAG": ""}, {"NEONIZE_BOT_TAG": "on"}])
def test_missing_variable_is_named(environment: dict[str, str]) -> None:
    """The refusal says which variable to set, and to what."""
    with pytest.raises(WrongEnvironment, match="NEONIZE_BOT_TAG=off"):
        refuse_wrong_environment("neonize", environment)
