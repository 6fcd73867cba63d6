"""The emulator's TLS identity: a certificate authority of its own, and one certificate for every name WhatsApp has.

Owns: both certificates and the server's key, storable as one record. Refuses: signing anything else: the authority's
key is forgotten as soon as it has signed, so whoever trusts the authority trusts these names and no others. Invariant:
the certificate in a record was signed by the authority in the same record.
"""

import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from tempfile import NamedTemporaryFile
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST_NAMES: Final = (
    "web.whatsapp.com",
    "*.web.whatsapp.com",
    "*.whatsapp.com",
    "*.whatsapp.net",
    "*.cdn.whatsapp.net",
    "localhost",
)
LIFETIME: Final = timedelta(days=3650)
_SLACK: Final = timedelta(days=1)
_SEPARATOR: Final = b"# The authority\n"
"""Stands between the two halves of a record."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """`ca_pem` is what clients must trust; `chain_pem` is the server's key and certificate, for the server alone."""

    ca_pem: bytes
    chain_pem: bytes = field(repr=False)

    @classmethod
    def create(cls, now: datetime) -> Self:
        """Makes a new authority and certificate (ECDSA P-256), valid from a day before `now` for ten years."""
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        ca_name = _name("wamesh emulator authority")
        ca = _authority(ca_name, ca_key.public_key(), now).sign(ca_key, hashes.SHA256())
        leaf = _leaf(ca, key.public_key(), now).sign(ca_key, hashes.SHA256())
        key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(ca.public_bytes(Encoding.PEM), key_pem + leaf.public_bytes(Encoding.PEM))

    @classmethod
    def from_record(cls, record: bytes) -> Self:
        """Reads what `record` returned. Raises ValueError."""
        chain, separator, ca_pem = record.partition(_SEPARATOR)
        if not separator:
            raise ValueError("not a record of certificates")
        return cls(ca_pem, chain)

    def record(self) -> bytes:
        """Both certificates and the key as one PEM text. It is secret."""
        return self.chain_pem + _SEPARATOR + self.ca_pem

    def server_context(self) -> ssl.SSLContext:
        """A TLS server (1.2 and newer) that speaks HTTP/1.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        with NamedTemporaryFile(suffix=".pem") as file:  # the ssl module reads keys from files only
            file.write(self.chain_pem)
            file.flush()
            context.load_cert_chain(file.name)
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _authority(name: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime) -> x509.CertificateBuilder:
    return (
        _certificate(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
    )


def _leaf(ca: x509.Certificate, key: ec.EllipticCurvePublicKey, now: datetime) -> x509.CertificateBuilder:
    names = [x509.DNSName(name) for name in HOST_NAMES]
    addresses = [x509.IPAddress(ip_address("127.0.0.1")), x509.IPAddress(ip_address("::1"))]
    issuer_key = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _certificate(_name("web.whatsapp.com"), ca.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
