"""Files encrypted for a media server that cannot read them."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st
from support.randomness import seeded_bytes

from wamesh.emulator.sealed_files import DamagedMedia, MediaKind, decrypt, encrypt

KINDS = st.sampled_from(MediaKind)


@settings(max_examples=50)
@given(st.binary(max_size=100), KINDS)
def test_what_was_encrypted_is_decrypted(data: bytes, kind: MediaKind) -> None:
    """Any file comes back, of any length."""
    sealed = encrypt(data, kind, seeded_bytes("media"))
    assert decrypt(sealed.data, kind, sealed.media_key, sealed.sha256) == data
    assert (sealed.length, sealed.sha256) == (len(data), hashlib.sha256(data).digest())
    assert sealed.encrypted_sha256 == hashlib.sha256(sealed.data).digest()


def test_the_layout_is_whatsapps() -> None:
    """The file is AES-256-CBC, then ten bytes of an HMAC over iv and ciphertext; keys come from HKDF."""
    sealed = encrypt(b"sixteen bytes...", MediaKind.IMAGE, seeded_bytes("media"))
    expanded = HKDF(SHA256(), 112, None, b"WhatsApp Image Keys").derive(sealed.media_key)
    iv, cipher_key, mac_key = expanded[:16], expanded[16:48], expanded[48:80]
    ciphertext, code = sealed.data[:-10], sealed.data[-10:]
    decryptor = Cipher(algorithms.AES(cipher_key), modes.CBC(iv)).decryptor()
    assert decryptor.update(ciphertext) + decryptor.finalize() == b"sixteen bytes..." + b"\x10" * 16
    assert code == hmac.digest(mac_key, iv + ciphertext, "sha256")[:10]


@settings(max_examples=50)
@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_changed_file_is_refused(position: int, change: int) -> None:
    """One other byte anywhere is noticed."""
    sealed = encrypt(b"a file", MediaKind.DOCUMENT, seeded_bytes("media"))
    data = bytearray(sealed.data)
    data[position % len(data)] ^= change
    with pytest.raises(DamagedMedia):
        decrypt(bytes(data), MediaKind.DOCUMENT, sealed.media_key, sealed.sha256)


@pytest.mark.parametrize("length", [0, 5, 10, 26])
def test_a_cut_off_file_is_refused(length: int) -> None:
    """A part of a file is no file."""
    sealed = encrypt(bytes(100), MediaKind.VIDEO, seeded_bytes("media"))
    with pytest.raises(DamagedMedia):
        decrypt(sealed.data[:length], MediaKind.VIDEO, sealed.media_key, sealed.sha256)


def test_another_kind_or_another_file_is_refused() -> None:
    """A file is what its message says it is."""
    sealed = encrypt(b"a file", MediaKind.DOCUMENT, seeded_bytes("media"))
    with pytest.raises(DamagedMedia):
        decrypt(sealed.data, MediaKind.IMAGE, sealed.media_key, sealed.sha256)
    with pytest.raises(DamagedMedia):
        decrypt(sealed.data, MediaKind.DOCUMENT, sealed.media_key, bytes(32))
