"""What can go wrong between two phones.

Owns the exceptions of the signal room:

    UndecryptableMessage      a message that cannot be read: damaged, forged, or for keys this phone does not have
      DuplicateMessage        a message that was read before: its keys are gone, and nothing is missing
    NoSession                 nothing can be encrypted for this peer before a bundle of it was seen
    InvalidBundle             a bundle whose signed prekey its identity did not sign

Invariant: whoever gets one of them finds the keyring as it was before the call.
"""


class UndecryptableMessage(Exception):
    """The message cannot be read. WhatsApp's answer to its sender is a retry receipt."""


class DuplicateMessage(UndecryptableMessage):
    """The message's counter was used before. WhatsApp's answer is the one a readable message gets."""


class NoSession(LookupError):
    """There is no session with this peer to encrypt in."""


class InvalidBundle(ValueError):
    """The signature or a key of a prekey bundle is wrong."""
