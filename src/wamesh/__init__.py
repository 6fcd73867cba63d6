"""wamesh: a gRPC mesh for booking assistants on WhatsApp."""

__version__ = "0.1.0"
