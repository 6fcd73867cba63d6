"""The server's identity: its certificates and its stored form."""

from datetime import UTC, datetime, timedelta

import pytest
from support.randomness import seeded_bytes

from wamesh.emulator.messages import CertChain, NoiseCertificate
from wamesh.emulator.noise import ServerIdentity
from wamesh.emulator.signal import curve

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
IDENTITY = ServerIdentity.create(seeded_bytes("server"), NOW)


def test_chain_leads_from_root_to_static_key() -> None:
    """The root key signs the intermediate certificate, whose key signs the one of the static key."""
    chain = CertChain.FromString(IDENTITY.certificates)
    intermediate = NoiseCertificate.Details.FromString(chain.intermediate.details)
    leaf = NoiseCertificate.Details.FromString(chain.leaf.details)
    assert curve.verify(IDENTITY.root_public, chain.intermediate.details, chain.intermediate.signature)
    assert curve.verify(intermediate.key, chain.leaf.details, chain.leaf.signature)
    assert leaf.key == IDENTITY.static.public
    assert (intermediate.issuerSerial, leaf.issuerSerial) == (0, intermediate.serial)


def test_certificates_hold_for_ten_years() -> None:
    """Each certificate is valid from a day before the clock to ten years after it."""
    chain = CertChain.FromString(IDENTITY.certificates)
    for link in (chain.intermediate, chain.leaf):
        details = NoiseCertificate.Details.FromString(link.details)
        assert details.notBefore == int((NOW - timedelta(days=1)).timestamp())
        assert details.notAfter >= int(NOW.replace(year=2036).timestamp())


def test_stored_identity_is_the_same_identity() -> None:
    """An identity reads back from its record."""
    assert ServerIdentity.from_record(IDENTITY.record()) == IDENTITY


def test_same_seed_makes_the_same_identity() -> None:
    """All keys and signatures come from the random bytes handed in."""
    assert ServerIdentity.create(seeded_bytes("server"), NOW) == IDENTITY
    assert ServerIdentity.create(seeded_bytes("other"), NOW).root_public != IDENTITY.root_public


@pytest.mark.parametrize("length", [0, 32, 63])
def test_cut_record_is_refused(length: int) -> None:
    """A record without its keys is a ValueError."""
    with pytest.raises(ValueError, match="32 bytes"):
        ServerIdentity.from_record(IDENTITY.record()[:length])


def test_private_key_is_not_shown() -> None:
    """The text form of an identity, as in a log, holds no private key."""
    assert repr(IDENTITY.static.private) not in repr(IDENTITY)
