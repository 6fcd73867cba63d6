"""The one error of the codec."""


class CodecError(ValueError):
    """Bytes that are no stanza, a text that is no address, or a stanza that has no encoding."""
