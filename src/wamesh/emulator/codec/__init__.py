"""WhatsApp's binary XML (dictionary version 3): stanzas as values, and their bytes."""

from wamesh.emulator.codec.address import HIDDEN_SERVER, PHONE_NUMBER_SERVER, SERVER, Address
from wamesh.emulator.codec.decoder import decode
from wamesh.emulator.codec.encoder import encode
from wamesh.emulator.codec.errors import CodecError
from wamesh.emulator.codec.node import Node

__all__ = ["HIDDEN_SERVER", "PHONE_NUMBER_SERVER", "SERVER", "Address", "CodecError", "Node", "decode", "encode"]
