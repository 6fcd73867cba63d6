"""The one error of the channel."""


class NoiseError(ValueError):
    """The peer does not speak the protocol, or somebody changed its bytes; the connection must be closed."""
