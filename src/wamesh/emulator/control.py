"""The port between the control contract and a simulated network, whichever wire the network speaks."""

from typing import Protocol

from wamesh.emulator.event_log import EventLog
from wamesh.emulator.log import Log
from wamesh.emulator.v1 import emulator_pb2 as pb


class Network(Protocol):
    """A whole simulated WhatsApp, driven from outside. Everything named by a phone number takes it as E.164.

    What names an account raises AccountNotFound when nobody made it. Used from the network's thread; nothing blocks.
    """

    @property
    def log(self) -> EventLog:
        """Everything it saw."""
        ...

    def wire(self) -> pb.GetWireResponse:
        """How clients of the protocol are led here; raises NoWire."""
        ...

    def add_account(self, phone_number: str, push_name: str) -> pb.Account:
        """Returns the account with this number, made or renamed (an empty name renames nothing)."""
        ...

    def accounts(self) -> list[pb.Account]:
        """Returns every account, ordered by phone number."""
        ...

    async def scan(self, phone_number: str, code: str) -> int:
        """The owner's phone links the client that shows `code`; returns the device's number. Raises CodeNotOnOffer,
        PairingFailed.
        """
        ...

    def refuse(self, phone_number: str, code: str) -> None:
        """The owner's phone refuses the client that shows `code`; raises CodeNotOnOffer."""
        ...

    async def enter_pair_code(self, phone_number: str, code: str) -> int:
        """The owner types a pair code, with or without its dash. Returns and raises what `scan` does."""
        ...

    def send_as_customer(self, request: pb.SendAsCustomerRequest) -> str:
        """A customer writes to an account; returns the message id. A repeated id delivers nothing again."""
        ...

    def send_as_owner(self, account: str, customer: str, text: str) -> str:
        """The owner writes from the phone; returns the message id."""
        ...

    def read_as_customer(self, customer: str, account: str) -> int:
        """The customer opens the chat; returns how many messages were unread."""
        ...

    def type_as_customer(self, customer: str, account: str, *, typing: bool) -> None:
        """The customer starts or stops typing. Raises NoWire where nobody could be told."""
        ...

    def mailbox(self, customer: str) -> Log[pb.CustomerMessage]:
        """What the customer's phone holds."""
        ...

    def inject(self, fault: pb.InjectFaultRequest) -> None:
        """Makes a fault happen, or arms it. Raises NotConnected, NoWire."""
        ...

    def clear_faults(self, phone_number: str) -> None:
        """Disarms every fault of an account."""
        ...

    def commit(self) -> None:
        """Makes what happened so far outlive the process, where the network keeps anything."""
        ...
