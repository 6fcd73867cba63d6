"""The emulator's TLS identity."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from wamesh.emulator.wire.certificates import LIFETIME, Certificates

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _verify(certificates: Certificates, host: str, at: datetime = NOW) -> None:
    store = Store(x509.load_pem_x509_certificates(certificates.ca_pem))
    verifier = PolicyBuilder().store(store).time(at).build_server_verifier(x509.DNSName(host))
    verifier.verify(x509.load_pem_x509_certificates(certificates.chain_pem)[0], [])


@pytest.mark.parametrize(
    "host", ["web.whatsapp.com", "g.whatsapp.net", "mmg.whatsapp.net", "media-ams2-1.cdn.whatsapp.net", "localhost"]
)
def test_whatsapps_names_are_vouched_for(host: str) -> None:
    """A strict verifier that knows the authority accepts each of WhatsApp's hosts."""
    _verify(Certificates.create(NOW), host)


@pytest.mark.parametrize("host", ["example.com", "whatsapp.com.example.com"])
def test_no_other_name_is(host: str) -> None:
    """The certificate is good for nothing else."""
    with pytest.raises(VerificationError):
        _verify(Certificates.create(NOW), host)


@pytest.mark.parametrize("at", [NOW - timedelta(days=2), NOW + LIFETIME + timedelta(days=1)])
def test_validity_is_bounded(at: datetime) -> None:
    """It holds from a day before its making, for ten years."""
    with pytest.raises(VerificationError):
        _verify(Certificates.create(NOW), "web.whatsapp.com", at)


def test_keys_are_p256() -> None:
    """ECDSA over P-256: small, and known to every client."""
    key = x509.load_pem_x509_certificates(Certificates.create(NOW).chain_pem)[0].public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"


def test_record_restores_the_identity() -> None:
    """One record holds all of it."""
    certificates = Certificates.create(NOW)
    restored = Certificates.from_record(certificates.record())
    assert restored == certificates
    assert isinstance(restored.server_context(), ssl.SSLContext)


def test_foreign_record_is_refused() -> None:
    """Something else is no identity."""
    with pytest.raises(ValueError, match="not a record"):
        Certificates.from_record(b"something else")
