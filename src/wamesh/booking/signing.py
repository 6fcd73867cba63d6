"""Opaque tokens: a small JSON value, sealed so that only this service can have made it.

Owns the format `base64url(seal + json)`, where the seal is the first 16 bytes of HMAC-SHA256 over purpose and
content. Refuses to say why a token is bad: altered, truncated, of another purpose or another installation
look the same.

Invariant: `open` gives exactly the values that `seal` took, or None; it raises for no input whatever.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

KEY_BYTES = 32
_SEAL_BYTES = 16
_JSON = json.JSONEncoder(separators=(",", ":"))


class Signer:
    """Seals and opens the tokens of one installation, for one purpose at a time."""

    def __init__(self, key: bytes) -> None:
        """`key` is `KEY_BYTES` random bytes, the same for all replicas and after each restart."""
        self._key = key

    def seal(self, purpose: str, value: Any) -> str:
        """Returns a token for a JSON value; the same value gives the same token."""
        content = _JSON.encode(value).encode()
        return _encode(self._seal(purpose, content) + content)

    def open(self, purpose: str, token: str) -> Any | None:
        """Returns the value of a token that `seal` made for this purpose; None for anything else."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except ValueError:
            return None
        seal, content = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        genuine = hmac.compare_digest(seal, self._seal(purpose, content)) and _encode(raw) == token
        return json.loads(content) if genuine else None

    def _seal(self, purpose: str, content: bytes) -> bytes:
        return hmac.digest(self._key, purpose.encode() + b"\0" + content, "sha256")[:_SEAL_BYTES]


def _encode(raw: bytes) -> str:
    """The one spelling of the bytes; base64 decoders accept others, which `open` therefore compares with it."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
