"""What the simulated network refuses to whoever drives it; reasons are those of
`wamesh.emulator.v1.ErrorReason`.
"""

from wamesh.errors import FailedPrecondition, NotFound


class AccountNotFound(NotFound):
    """Nobody made an account with this number."""

    reason = "ACCOUNT_NOT_FOUND"

    def __init__(self, phone_number: str) -> None:
        super().__init__("Account", phone_number, f"Account {phone_number} does not exist. AddAccount makes it.")


class CodeNotOnOffer(FailedPrecondition):
    """No connected client shows this code."""

    reason = "CODE_NOT_ON_OFFER"

    def __init__(self) -> None:
        super().__init__("No client shows this code now. Start pairing again and use the newest code.")


class NotConnected(FailedPrecondition):
    """The fault needs a live connection of the account."""

    reason = "NOT_CONNECTED"

    def __init__(self, phone_number: str) -> None:
        super().__init__(
            f"Account {phone_number} has no connected device. Wait for its login.", {"phone_number": phone_number}
        )


class FrameOutOfPlace(FailedPrecondition):
    """The client broke the order of the wire."""

    reason = "FRAME_OUT_OF_PLACE"

    def __init__(self, frame: str, need: str) -> None:
        super().__init__(f"Frame {frame} needs {need}.", {"frame": frame})


class NoWire(FailedPrecondition):
    """Only the light wire is served, and it has none of what was asked for."""

    reason = "NO_WIRE"

    def __init__(self) -> None:
        super().__init__(
            "This network does not speak WhatsApp's protocol. Start `wamesh emulator` without WAMESH_TRANSPORT=memory."
        )


class PairingFailed(FailedPrecondition):
    """The client that showed the code did not let itself be linked."""

    reason = "PAIRING_FAILED"

    def __init__(self, why: str) -> None:
        super().__init__(f"The device was not linked: {why}. Start pairing again.", {"why": why})
