"""Signal keys and sessions of virtual phones, one to one, in the wire format WhatsApp uses (version 3).

From the outside in: `keyring.py` (one phone) holds `own_keys.py` and, for each peer, the sessions in `peer.py`;
`session.py` is one session, made by `x3dh.py` and kept turning by `ratchet.py`; `layouts.py` has the messages' bytes,
`session_record.py` the stored ones, both over `fields.py`; `key_derivation.py`, `message_cipher.py` and `curve.py`
are the cryptography; `padding.py` is WhatsApp's. No groups (sender keys). Everything is synchronous and draws its
randomness from a function handed in.
"""

from wamesh.emulator.signal.curve import KeyPair, RandomBytes
from wamesh.emulator.signal.errors import DuplicateMessage, InvalidBundle, NoSession, UndecryptableMessage
from wamesh.emulator.signal.keyring import Keyring
from wamesh.emulator.signal.padding import pad, unpad
from wamesh.emulator.signal.session import Ciphertext
from wamesh.emulator.signal.x3dh import PreKeyBundle

__all__ = [
    "Ciphertext",
    "DuplicateMessage",
    "InvalidBundle",
    "KeyPair",
    "Keyring",
    "NoSession",
    "PreKeyBundle",
    "RandomBytes",
    "UndecryptableMessage",
    "pad",
    "unpad",
]
