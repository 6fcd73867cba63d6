"""The owner's hands on an account's phone: linking devices, and writing to customers.

Owns: which client is answered with which identity. Refuses: the protocol around it (the server's offers) and what the
phone does by itself (`phone.py`). Invariant: the account key, which vouches for every device, is the Signal identity
of the phone.
"""

from collections.abc import Callable, Sequence
from functools import partial

from wamesh.emulator.errors import CodeNotOnOffer
from wamesh.emulator.messages import Message
from wamesh.emulator.phones import linking
from wamesh.emulator.phones.linking import QrCode
from wamesh.emulator.phones.pair_code import PhoneHalf, WrongCode
from wamesh.emulator.phones.phone import Network, Phone
from wamesh.emulator.phones.port import CompanionFinish, OnLinked, PairingOffer
from wamesh.emulator.server.people import Person
from wamesh.emulator.v1 import emulator_pb2 as pb


class OwnerPhone:
    """The phone of an account in its owner's hand; `customer_at` says who has a number."""

    def __init__(self, network: Network, phone: Phone, customer_at: Callable[[str], Person]) -> None:
        self.phone = phone
        self._network = network
        self._customer_at = customer_at

    @property
    def person(self) -> Person:
        return self.phone.person

    def write(self, customer_phone_number: str, text: str) -> str:
        """Writes to a customer; linked devices see it as their own. Returns the message's id."""
        message_id = self.phone.new_message_id()
        self.phone.post(self._customer_at(customer_phone_number), message_id, Message(conversation=text))
        return message_id

    def rename(self, push_name: str) -> None:
        """Gives the account the name that customers see; linked devices learn it as a shared setting."""
        self._network.server.directory.rename(self.person, push_name)
        self.phone.settings.publish_name()

    # Linking

    def scan(self, code: str, on_done: OnLinked) -> None:
        """Links the client that shows `code`; `on_done` hears how it ended. Raises CodeNotOnOffer."""
        offer, shown = self._shower_of(code)
        self._link(offer, shown.identity, shown.secret, on_done)

    def refuse(self, code: str) -> None:
        """Declines to link the client that shows `code`; raises CodeNotOnOffer."""
        offer, _ = self._shower_of(code)
        offer.refuse(self.person)

    def enter_pair_code(self, code: str, on_done: OnLinked) -> None:
        """Links the client that shows these eight characters; `on_done` hears how it ended. Raises CodeNotOnOffer.

        The newest client that asked for this number is tried first.
        """
        offers = self._network.server.code_offers(self.person.phone_number)
        if not offers:
            raise CodeNotOnOffer
        self._try_code(offers, code, on_done)

    def _try_code(self, offers: Sequence[PairingOffer], code: str, on_done: OnLinked) -> None:
        """Tries the code on the last of `offers`, and on the ones before it when it is not that client's."""
        *others, offer = offers

        def wrong() -> None:
            if others:
                self._try_code(others, code, on_done)
            else:
                on_done(None, "the code is wrong")

        try:
            half = self._half(offer, code)
        except WrongCode:
            wrong()
            return
        finish = partial(self._finish_code, offer, half, wrong, on_done)
        offer.primary_hello(half.wrapped, self.phone.account_key.public, finish)

    def _half(self, offer: PairingOffer, code: str) -> PhoneHalf:
        if offer.hello is None:
            raise WrongCode("the client did not ask to be linked by code")
        wrapped = offer.hello.wrapped_ephemeral
        return PhoneHalf.begin(code, wrapped, self.phone.account_key, self._network.random_bytes)

    def _finish_code(
        self,
        offer: PairingOffer,
        half: PhoneHalf,
        wrong: Callable[[], None],
        on_done: OnLinked,
        answer: CompanionFinish | None,
    ) -> None:
        if answer is None:
            on_done(None, "the client is gone")
            return
        try:
            secret = half.finish(answer.wrapped_key_bundle, answer.companion_identity)
        except WrongCode:
            wrong()
        else:
            self._link(offer, answer.companion_identity, secret, on_done)

    def _link(self, offer: PairingOffer, identity: bytes, secret: bytes, on_done: OnLinked) -> None:
        number = offer.next_device_number(self.person)
        signed = linking.signed_identity(
            self.phone.account_key, identity, number, self._network.clock(), self._network.random_bytes
        )
        if self.person.faults.strike(pb.FAULT_KIND_BAD_PAIRING):
            secret = bytes(byte ^ 0xFF for byte in secret)
        offer.succeed(self.person, number, linking.container(signed, secret), on_done)

    def _shower_of(self, code: str) -> tuple[PairingOffer, QrCode]:
        try:
            shown = QrCode.parse(code)
        except ValueError:
            raise CodeNotOnOffer from None
        offer = self._network.server.find_code(shown.ref)
        if offer is None:
            raise CodeNotOnOffer
        return offer, shown
