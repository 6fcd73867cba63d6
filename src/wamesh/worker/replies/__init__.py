"""Every text that a customer reads, in Russian and English.

Short, friendly, without gender or formality traps: one thought a line, numbers in lists. Owns wording. Refuses
decisions. Invariant: each function gives non-empty text of at most 4096 characters in both languages.
"""

from wamesh.worker.replies.bookings import Bookings
from wamesh.worker.replies.services import Services
from wamesh.worker.replies.slots import Slots
from wamesh.worker.replies.talk import Talk


class Replies(Talk, Services, Slots, Bookings):
    """The texts in one language, for one company, at one moment."""
