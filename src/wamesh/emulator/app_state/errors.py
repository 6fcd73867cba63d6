"""The one error of this room."""


class DamagedAppState(ValueError):
    """A patch or a mutation is not what somebody with the key made; the text says which check failed."""
