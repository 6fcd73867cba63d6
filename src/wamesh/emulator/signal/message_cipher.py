"""What is done with a message's keys: AES-256-CBC over the content, HMAC-SHA256 over the whole message.

Owns the padding to AES blocks (PKCS #7) and the MAC, which is cut to 8 bytes and covers
sender identity (33 bytes) || receiver identity (33 bytes) || version byte || message.
Refuses WhatsApp's own padding of the content (`padding.py`). Invariant: pure functions of bytes.
"""

import hmac
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from wamesh.emulator.signal.key_derivation import MessageKeys
from wamesh.emulator.signal.layouts import MAC_LENGTH, typed_key

_BLOCK_BITS: Final = 128


def encrypt(keys: MessageKeys, plaintext: bytes) -> bytes:
    """Returns the ciphertext: whole blocks of 16 bytes, one more than the plaintext fills."""
    padder = PKCS7(_BLOCK_BITS).padder()
    encryptor = _cipher(keys).encryptor()
    return encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()


def decrypt(keys: MessageKeys, ciphertext: bytes) -> bytes:
    """Returns the plaintext. Raises ValueError when the ciphertext is not whole blocks or its padding is wrong."""
    decryptor = _cipher(keys).decryptor()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def mac(keys: MessageKeys, sender: bytes, receiver: bytes, covered: bytes) -> bytes:
    """Returns the MAC (8 bytes) of a message; identities have 32 bytes, `covered` is version byte || message."""
    return hmac.digest(keys.mac_key, typed_key(sender) + typed_key(receiver) + covered, "sha256")[:MAC_LENGTH]


def _cipher(keys: MessageKeys) -> Cipher[CBC]:
    return Cipher(AES(keys.cipher_key), CBC(keys.iv))
