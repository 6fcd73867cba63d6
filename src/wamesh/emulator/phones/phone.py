"""A phone: a client of the server with Signal keys of its own, which writes, reads, and answers as phones do.

Every person has one. It is device 0 of its person, so the same object serves a customer, who writes to accounts, and
the owner of an account, whose phone also hears what its linked devices write (`owner.py` adds the linking).

Owns: what a phone does with a stanza, and in which order. Refuses: deciding who gets what (the server does), and
anything of groups. Invariant: a message of an account is in the event log before it is in the mailbox, and in the
mailbox before its receipt goes out; `push` never raises for anything a client can send.
"""

from dataclasses import dataclass
from typing import Any, Final

from wamesh.clock import Clock
from wamesh.emulator.codec import HIDDEN_SERVER, PHONE_NUMBER_SERVER, Address, CodecError, Node
from wamesh.emulator.errors import AccountNotFound
from wamesh.emulator.event_log import EventLog, timestamp
from wamesh.emulator.phones import stanzas
from wamesh.emulator.phones.app_state import Hands, SharedSettings
from wamesh.emulator.phones.attachments import Attachments
from wamesh.emulator.phones.cipher import PhoneCipher
from wamesh.emulator.phones.composing import Chat, Composer, as_sent
from wamesh.emulator.phones.letters import Letters
from wamesh.emulator.phones.mailbox import Mailbox
from wamesh.emulator.phones.port import Server
from wamesh.emulator.phones.reading import read
from wamesh.emulator.phones.retries import Answering, Asking
from wamesh.emulator.phones.sealing import Sealer, spoils
from wamesh.emulator.phones.stanzas import Envelope
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.signal import DuplicateMessage, KeyPair, RandomBytes, UndecryptableMessage
from wamesh.emulator.store import Documents
from wamesh.emulator.v1 import emulator_pb2 as pb

ADDRESSING: Final = "phones/addressing"
AI_LABEL: Final = "with an AI label"


@dataclass(frozen=True, slots=True)
class Network:
    """What all phones of a process share."""

    server: Server
    documents: Documents
    log: EventLog
    clock: Clock
    random_bytes: RandomBytes
    attachments: Attachments
    composer: Composer


class Phone:
    """The phone of `person`; `mailbox` holds what accounts wrote to it."""

    def __init__(
        self,
        network: Network,
        person: Person,
        cipher: PhoneCipher,
        mailbox: Mailbox,
        letters: Letters,
        addressing: "pb.Addressing.ValueType" = pb.ADDRESSING_LID,
    ) -> None:
        self.person = person
        self.mailbox: Final = mailbox
        self._cipher = cipher
        self._network = network
        self._server = network.server
        self._letters = letters
        self._addressing = addressing
        self._sealer = Sealer(network.server, cipher)
        self._asking = Asking(cipher)
        self._answering = Answering(person, network.server.directory, letters, self._sealer, self._address)
        self.settings = SharedSettings(
            person,
            cipher.keyring.identity.public,
            Hands(self._say, self._tell, self._rename),
            network.documents,
            network.clock,
            network.random_bytes,
        )
        self._device = self._server.attach_phone(person, cipher.keyring.bundle(one_time=False), self)

    @property
    def account_key(self) -> KeyPair:
        """The phone's Signal identity, which is what an account vouches for its devices with."""
        return self._cipher.keyring.identity

    # Hands

    def send(self, request: pb.SendAsCustomerRequest) -> str:
        """Writes to an account; returns the message's id. An id used before in this chat sends nothing.

        Raises AccountNotFound.
        """
        account = self._account(request.account_phone_number)
        if request.push_name:
            self._server.directory.rename(self.person, request.push_name)
        self._prefer(request.addressing)
        message_id = request.message_id or self.new_message_id()
        if (account.phone_number, message_id) not in self._letters:
            chat = Chat(self._address(account), request.quoted_message_id)
            message = self._network.composer.compose(request.content, chat)
            self._network.log.record(
                pb.EVENT_KIND_CUSTOMER_SENT,
                account.phone_number,
                self.person.phone_number,
                message_id=message_id,
                text=request.content.text.body,
                detail=request.content.WhichOneof("content") or "",
            )
            self.post(account, message_id, message)
        return message_id

    def read(self, account: Person) -> int:
        """Opens the chat with an account, which gets read receipts; returns how many messages were unread."""
        message_ids = self.mailbox.open(account.phone_number)
        if message_ids:
            self._network.log.record(
                pb.EVENT_KIND_CUSTOMER_READ,
                account.phone_number,
                self.person.phone_number,
                message_id=message_ids[-1],
            )
            self._say(stanzas.read(self._address(account), message_ids, self._network.clock()))
        return len(message_ids)

    def type(self, account: Person, *, typing: bool) -> None:
        """Starts or stops typing in the chat with an account."""
        self._say(stanzas.typing(self._address(account), composing=typing))

    def new_message_id(self) -> str:
        """An id as phones make them: `3A` and 18 hexadecimal digits."""
        return "3A" + self._network.random_bytes(9).hex().upper()

    def post(self, recipient: Person, message_id: str, message: Any) -> None:
        """Sends a `Message` to each device of a person, and to the own linked devices as what this phone wrote."""
        self._letters.keep(recipient.phone_number, message_id, message)
        to = self._address(recipient)
        theirs = [] if recipient is self.person else list(recipient.devices.values())
        own = [device for device in self.person.devices.values() if device is not self._device]
        copies = (
            *self._sealer.copies(theirs, message, to, spoiled=spoils(recipient)),
            *self._sealer.copies(own, as_sent(message, to), to),
        )
        self._say(stanzas.message(to, message_id, Envelope.of(message), copies))

    # What the server pushes

    def push(self, stanza: Node) -> None:
        """Takes a stanza of the server."""
        try:
            if stanza.tag == "message":
                self._take_message(stanza)
            elif stanza.tag in ("receipt", "notification"):
                self._say(stanzas.ack(stanza))
                self._take_news(stanza)
            elif stanza.tag == "iq":
                self.settings.answered(stanza)
        except CodecError:
            return

    def _take_news(self, stanza: Node) -> None:
        match stanza.attribute("type"):
            case "retry":
                self._send_again(stanza)
            case "account_sync":
                self.settings.welcome()
            case "server_sync":
                self.settings.changed(stanza)

    def _take_message(self, stanza: Node) -> None:
        sender = stanza.address("from")
        author = self._server.directory.at(sender) if sender else None
        enc = stanza.child("enc")
        if author is None or sender is None or enc is None:
            self._say(stanzas.ack(stanza))
            return
        try:
            self._take_in(author, sender.device, stanza, enc)
        except UndecryptableMessage:
            self._ask_again(stanza, author, sender.device)
        else:
            self._say(self._confirmation(author, stanza))

    def _ask_again(self, stanza: Node, author: Person, device: int) -> None:
        request = self._asking.ask(stanza, author, device)
        if request is not None and self._hears(author):
            self._network.log.record(
                pb.EVENT_KIND_RETRY_ASKED,
                author.phone_number,
                self.person.phone_number,
                message_id=stanza.attribute("id"),
            )
        self._say(request or stanzas.ack(stanza))

    def _send_again(self, receipt: Node) -> None:
        message = self._answering.answer(receipt)
        if message is not None:
            self._say(message)

    def _take_in(self, author: Person, device: int, stanza: Node, enc: Node) -> None:
        """Decrypts and shows a message, unless it was here before; raises UndecryptableMessage."""
        message_id = stanza.attribute("id")
        if (author.phone_number, message_id) in self.mailbox:
            return
        try:
            message = self._open(author, device, enc)
        except DuplicateMessage:
            self._drop(author, device, message_id)
            return
        self._asking.settle(author, device, message_id)
        if self._hears(author):
            self._show(author, device, message_id, message, _label(stanza, message))
        elif author is self.person and device in author.devices:
            self.settings.read(author.devices[device], message)

    def _drop(self, author: Person, device: int, message_id: str) -> None:
        """Logs a message that no phone shows: its key was used for another one before. Its author is not told.

        whatsmeow does that when it writes to somebody from whom it is just reading (measured with neonize 0.5.2).
        """
        if self._hears(author):
            self._network.log.record(
                pb.EVENT_KIND_MESSAGE_LOST,
                author.phone_number,
                self.person.phone_number,
                device=device,
                message_id=message_id,
                detail="encrypted with a key that was used before",
            )

    def _open(self, author: Person, device: int, enc: Node) -> Any:
        if self._hears(author) and author.faults.strike(pb.FAULT_KIND_UNREADABLE_SEND):
            raise UndecryptableMessage("by a fault")
        return self._cipher.decrypt(author.lid.with_device(device), enc)

    def _show(self, author: Person, device: int, message_id: str, message: Any, label: str) -> None:
        """Puts a message into the log and the mailbox."""
        reading = read(message, self._network.attachments)
        self._network.log.record(
            pb.EVENT_KIND_MESSAGE_SENT,
            author.phone_number,
            self.person.phone_number,
            device=device,
            message_id=message_id,
            text=reading.text,
            detail=label,
        )
        self.mailbox.append(
            pb.CustomerMessage(
                message_id=message_id,
                account_phone_number=author.phone_number,
                text=reading.text,
                quoted_message_id=reading.quoted_message_id,
                send_time=timestamp(self._network.clock()),
                device=device,
                content=reading.content,
            )
        )

    def _confirmation(self, author: Person, stanza: Node) -> Node:
        """A receipt where one is due: for another account's message, unless a fault withholds it."""
        if not self._hears(author) or author.faults.strike(pb.FAULT_KIND_WITHHOLD_RECEIPT):
            return stanzas.ack(stanza)
        return stanzas.delivered(stanza)

    def _hears(self, author: Person) -> bool:
        """Whether what this person writes is shown here: another account's words are; a customer's, and copies from own
        linked devices, only keep their sessions alive.
        """
        return author.is_account and author is not self.person

    # Small things

    def _account(self, phone_number: str) -> Person:
        person = self._server.directory.person(phone_number)
        if person is None or not person.is_account:
            raise AccountNotFound(phone_number)
        return person

    def _address(self, person: Person) -> Address:
        hidden = self._addressing != pb.ADDRESSING_PHONE_NUMBER
        return person.address(HIDDEN_SERVER if hidden else PHONE_NUMBER_SERVER)

    def _prefer(self, addressing: "pb.Addressing.ValueType") -> None:
        if addressing and addressing != self._addressing:
            self._addressing = addressing
            self._network.documents.put(ADDRESSING, self.person.phone_number, pb.Addressing.Name(addressing).encode())

    def _tell(self, device: Device, message: Any) -> None:
        """Writes to one own device what is nobody else's business."""
        message_id = self.new_message_id()
        self._letters.keep(self.person.phone_number, message_id, message)
        for address, enc in self._sealer.copies([device], message, self.person.lid):
            self._say(stanzas.peer_message(address, message_id, Envelope.of(message), enc))

    def _rename(self, push_name: str) -> None:
        self._server.directory.rename(self.person, push_name)

    def _say(self, stanza: Node) -> None:
        self._server.receive(self._device, stanza)


def _label(stanza: Node, message: Any) -> str:
    """What stands beside a message for everybody to see: that a machine wrote it, when its sender says so."""
    says_so = stanza.child("bot") is not None or message.messageContextInfo.HasField("botMetadata")
    return AI_LABEL if says_so else ""
