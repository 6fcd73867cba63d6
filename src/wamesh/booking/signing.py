"""Opaque tokens: a few bytes, sealed so that only this service can have made them.

Owns the format `base64url(seal + content)`, where the seal is keyed BLAKE2b of 16 bytes over the content,
personalized by the purpose. Refuses to say why a token is bad: altered, truncated, of another purpose or
another installation look the same.

Invariant: `open` gives exactly the content that `seal` took, or None; it raises for no input whatever.
"""

from base64 import urlsafe_b64decode
from binascii import b2a_base64
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

KEY_BYTES: Final = 32
_SEAL_BYTES: Final = 16
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


class Signer:
    """Seals and opens the tokens of one installation, for one purpose at a time."""

    def __init__(self, key: bytes) -> None:
        """`key` is `KEY_BYTES` random bytes, the same for all replicas and after each restart."""
        self._key = key

    def seal(self, purpose: bytes, content: bytes) -> str:
        """Returns a token for the content; the same content gives the same token. A purpose has 1 to 16 bytes."""
        return _encode(self._seal(purpose, content) + content)

    def open(self, purpose: bytes, token: str) -> bytes | None:
        """Returns the content of a token that `seal` made for this purpose; None for anything else."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except ValueError:
            return None
        seal, content = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        genuine = compare_digest(seal, self._seal(purpose, content)) and _encode(raw) == token
        return content if genuine else None

    def _seal(self, purpose: bytes, content: bytes) -> bytes:
        seal = _keyed(self._key, purpose).copy()
        seal.update(content)
        return seal.digest()


@lru_cache
def _keyed(key: bytes, purpose: bytes) -> blake2b:
    """The hash that has seen the key and the purpose; to copy it costs less than to begin anew for each token."""
    return blake2b(key=key, person=purpose, digest_size=_SEAL_BYTES)


def _encode(raw: bytes) -> str:
    """The one spelling of the bytes; base64 decoders accept others, which `open` therefore compares with it."""
    return b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode()
