"""The Noise channel below the stanzas: framing, handshake, encryption."""

from wamesh.emulator.noise.channel import Frame, Handshaken, NoiseChannel
from wamesh.emulator.noise.errors import NoiseError
from wamesh.emulator.noise.identity import ServerIdentity

__all__ = ["Frame", "Handshaken", "NoiseChannel", "NoiseError", "ServerIdentity"]
