"""A server with phones and linked clients, all in this process: no sockets, no time that passes by itself.

`LinkedClient` is a device as neonize would be one: its own Signal keys, a session with every device it writes to.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from support.randomness import seeded_bytes

from wamesh.emulator.codec import HIDDEN_SERVER, Node
from wamesh.emulator.event_log import EventLog
from wamesh.emulator.messages import Message
from wamesh.emulator.phones.phone import Phone
from wamesh.emulator.phones.registry import Phones
from wamesh.emulator.phones.retry_receipts import RetryRequest, retry_receipt
from wamesh.emulator.phones.stanzas import Envelope, ack, delivered, message, message_again
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.server.server import Server
from wamesh.emulator.signal import Keyring, UndecryptableMessage, pad, unpad
from wamesh.emulator.store import Documents
from wamesh.emulator.timing import PairingPace
from wamesh.emulator.v1 import emulator_pb2 as pb

ACCOUNT: Final = "+12025550100"
CUSTOMER: Final = "+12025550111"
NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


class LinkedClient:
    """A client linked to an account. It confirms what it can read, and asks again for what it cannot."""

    def __init__(self, world: "PhoneWorld", person: Person, seed: str) -> None:
        self._world = world
        self._random_bytes = seeded_bytes(seed)
        self.keyring = Keyring.create(self._random_bytes)
        self.stanzas: list[Node] = []
        self.messages: list[Any] = []
        self._asked: dict[str, int] = {}
        self._sent: dict[str, Any] = {}
        keys = self.keyring.bundle(one_time=False)
        self.device = Device(
            person=person,
            number=world.server.directory.reserve_number(person),
            identity=keys.identity,
            registration_id=keys.registration_id,
            signed_prekey_id=keys.signed_prekey_id,
            signed_prekey=keys.signed_prekey,
            signature=keys.signature,
            link_time=NOW,
            endpoint=self,
        )
        world.server.directory.link(self.device)

    def push(self, stanza: Node) -> None:
        self.stanzas.append(stanza)
        if stanza.tag == "message":
            self._take(stanza)
        elif stanza.tag == "receipt":
            self._say(ack(stanza))
            if stanza.attribute("type") == "retry":
                self._send_again(stanza)

    def write(self, recipient: Person, content: Any, message_id: str = "A1") -> None:
        """Sends a `Message` to each device of a person and to the own phone."""
        self._sent[message_id] = content
        to = recipient.lid
        copy = Message()
        copy.deviceSentMessage.destinationJID = str(to)
        copy.deviceSentMessage.message.CopyFrom(content)
        theirs = [(device, content) for device in recipient.devices.values()]
        own = [(device, copy) for device in self.device.person.devices.values() if device is not self.device]
        envelope = Envelope.of(content)
        copies = [
            (device.address(HIDDEN_SERVER), envelope.enc(self._encrypt(device, part))) for device, part in theirs + own
        ]
        self._say(message(to, message_id, envelope, copies))

    def session_records(self) -> dict[str, bytes]:
        """The records of the sessions with the account's customer, by peer."""
        peer = str(self._world.customer().person.lid)
        return {peer: self.keyring.session_record(peer)}

    def told(self, tag: str) -> list[Node]:
        """The stanzas of a kind that the client got, in order."""
        return [stanza for stanza in self.stanzas if stanza.tag == tag]

    def _take(self, stanza: Node) -> None:
        enc, sender = stanza.child("enc"), stanza.address("from")
        assert enc is not None
        assert sender is not None
        author = self._world.server.directory.at(sender)
        assert author is not None
        try:
            peer = str(author.lid.with_device(sender.device))
            padded = self.keyring.decrypt(peer, enc.attribute("type"), enc.data)
        except UndecryptableMessage:
            self.ask_again(stanza)
            return
        self.messages.append(Message.FromString(unpad(padded)))
        self._say(delivered(stanza))

    def ask_again(self, stanza: Node) -> None:
        count = self._asked[stanza.attribute("id")] = self._asked.get(stanza.attribute("id"), 0) + 1
        bundle = self.keyring.bundle(one_time=True) if count > 1 else None
        self._say(retry_receipt(stanza, count, self.keyring.registration_id, bundle))

    def _send_again(self, receipt: Node) -> None:
        request, sender = RetryRequest.parse(receipt), receipt.address("from")
        assert sender is not None
        device = self._world.server.directory.device(sender)
        assert device is not None
        if request.bundle is not None:
            self.keyring.start_session(str(device.address(HIDDEN_SERVER)), request.bundle)
        content = self._sent.get(request.message_id)
        if content is None:
            return
        enc = Envelope.of(content).enc(self._encrypt(device, content), count=request.count)
        self._say(message_again(receipt, request.message_id, Envelope.of(content), enc))

    def _encrypt(self, device: Device, content: Any) -> Any:
        peer = str(device.address(HIDDEN_SERVER))
        if not self.keyring.has_session(peer):
            self.keyring.start_session(peer, self._world.server.take_bundle(device))
        return self.keyring.encrypt(peer, pad(content.SerializeToString(), self._random_bytes))

    def _say(self, stanza: Node) -> None:
        self._world.server.receive(self.device, stanza)


class PhoneWorld:
    """One account, and everybody else on demand."""

    def __init__(self) -> None:
        self.documents = Documents.open()
        self.clients: list[LinkedClient] = []
        self._random_bytes = seeded_bytes("phones")
        self._later: list[tuple[timedelta, Callable[[], None]]] = []
        self._start()
        self.account = self.server.directory.add(ACCOUNT, is_account=True)
        self.phones.owner(self.account)

    def _start(self) -> None:
        self.log = EventLog(lambda: NOW, self.documents)
        self.server = Server(
            self.documents,
            self.log,
            lambda: NOW,
            self._random_bytes,
            lambda delay, function: self._later.append((delay, function)),
            PairingPace(),
            lambda phone_number: self.phones.customer(phone_number).person,
        )
        self.phones = Phones(self.server, self.documents, self.log, lambda: NOW, self._random_bytes)

    def restart(self) -> None:
        """The process ends and starts again over the same documents; linked clients come back."""
        self.documents.commit()
        self._start()
        account = self.server.directory.person(ACCOUNT)
        assert account is not None
        self.account = account
        for client in self.clients:
            client.device = self.account.devices[client.device.number]
            client.device.endpoint = client

    def link(self, seed: str = "linked") -> LinkedClient:
        """A new linked client of the account."""
        self.clients.append(LinkedClient(self, self.account, seed))
        return self.clients[-1]

    def customer(self, phone_number: str = CUSTOMER) -> Phone:
        return self.phones.customer(phone_number)

    def say(self, text: str, message_id: str = "", **more: Any) -> str:
        """The customer writes words to the account; returns the message's id."""
        return self.send(pb.Content(text=pb.TextContent(body=text)), message_id, **more)

    def send(self, content: pb.Content, message_id: str = "", **more: Any) -> str:
        """The customer writes anything to the account; returns the message's id."""
        request = pb.SendAsCustomerRequest(
            customer_phone_number=CUSTOMER,
            account_phone_number=ACCOUNT,
            content=content,
            message_id=message_id,
            **more,
        )
        return self.customer().send(request)

    def arm(self, kind: "pb.FaultKind.ValueType", count: int = 1) -> None:
        """Lets a fault of the account strike its next `count` times."""
        self.account.faults.arm(pb.InjectFaultRequest(account_phone_number=ACCOUNT, kind=kind, count=count))

    def events(self, *kinds: "pb.EventKind.ValueType") -> list[pb.Event]:
        """The logged events of these kinds."""
        return [event for event in self.log.after(0) if event.kind in kinds]
