"""Linking by pair code: the phone's half against a client's half, written out here as clients do it."""

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from support.randomness import seeded_bytes

from wamesh.emulator.phones.pair_code import PhoneHalf, WrongCode, unwrap, wrap
from wamesh.emulator.signal import curve

CODE = "ABCD-1234"
ACCOUNT = curve.generate(seeded_bytes("account"))


class Client:
    """A client that shows a code."""

    def __init__(self, code: str) -> None:
        self._random_bytes = seeded_bytes("client")
        self._code = code.replace("-", "").encode()
        self._ephemeral = curve.generate(self._random_bytes)
        self.identity = curve.generate(self._random_bytes)
        self.secret = b""
        salt, iv = self._random_bytes(32), self._random_bytes(16)
        self.hello = salt + iv + self._stream(salt, iv, self._ephemeral.public)

    def answer(self, wrapped: bytes, account: bytes) -> bytes:
        """The key bundle; `secret` is set."""
        theirs = self._stream(wrapped[:32], wrapped[32:48], wrapped[48:])
        shared = curve.agree(self._ephemeral.private, theirs)
        salt, nonce, random = self._random_bytes(32), self._random_bytes(12), self._random_bytes(32)
        key = HKDF(SHA256(), 32, salt, b"link_code_pairing_key_bundle_encryption_key").derive(shared)
        bundle = AESGCM(key).encrypt(nonce, self.identity.public + account + random, None)
        secrets = shared + curve.agree(self.identity.private, account) + random
        self.secret = HKDF(SHA256(), 32, None, b"adv_secret").derive(secrets)
        return salt + nonce + bundle

    def _stream(self, salt: bytes, iv: bytes, data: bytes) -> bytes:
        key = hashlib.pbkdf2_hmac("sha256", self._code, salt, 131072, 32)
        cipher = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
        return cipher.update(data) + cipher.finalize()


@pytest.mark.parametrize("typed", ["ABCD-1234", "ABCD1234", "abcd1234"])
def test_the_right_code_gives_both_sides_one_secret(typed: str) -> None:
    """However the owner types it."""
    client = Client(CODE)
    half = PhoneHalf.begin(typed, client.hello, ACCOUNT, seeded_bytes("phone"))
    bundle = client.answer(half.wrapped, ACCOUNT.public)
    assert half.finish(bundle, client.identity.public) == client.secret


def test_a_wrong_code_is_noticed_in_the_end() -> None:
    """The bundle does not open."""
    client = Client(CODE)
    half = PhoneHalf.begin("ABCD-1235", client.hello, ACCOUNT, seeded_bytes("phone"))
    bundle = client.answer(half.wrapped, ACCOUNT.public)
    with pytest.raises(WrongCode):
        half.finish(bundle, client.identity.public)


def test_a_bundle_for_somebody_else_is_refused() -> None:
    """Neither another client nor another account fits into a bundle."""
    client = Client(CODE)
    half = PhoneHalf.begin(CODE, client.hello, ACCOUNT, seeded_bytes("phone"))
    with pytest.raises(WrongCode):
        half.finish(client.answer(half.wrapped, ACCOUNT.public), bytes(32))
    with pytest.raises(WrongCode):
        half.finish(client.answer(half.wrapped, Client(CODE).identity.public), client.identity.public)


@pytest.mark.parametrize("length", [0, 79, 81])
def test_a_wrapped_key_has_80_bytes(length: int) -> None:
    """Anything else is refused before any work."""
    with pytest.raises(WrongCode):
        unwrap(CODE, bytes(length))


def test_an_unusable_key_is_refused() -> None:
    """A client that sends a point of low order gets no answer."""
    with pytest.raises(WrongCode):
        PhoneHalf.begin(CODE, wrap(CODE, bytes(32), seeded_bytes("client")), ACCOUNT, seeded_bytes("phone"))


def test_a_bundle_of_another_length_is_refused() -> None:
    """It is not even tried."""
    half = PhoneHalf.begin(CODE, Client(CODE).hello, ACCOUNT, seeded_bytes("phone"))
    with pytest.raises(WrongCode):
        half.finish(bytes(155), bytes(32))
