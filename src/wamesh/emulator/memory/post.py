"""The post office of the simulated network: messages and receipts between customers and accounts.

Owns: the customers and their mailboxes, and what goes from whom to whom. Refuses: connections, pairing, who
may send. Invariant: a message is in the log before it is in a mailbox or on its way to a device.
"""

from collections.abc import Callable

from wamesh.emulator.event_log import EventLog, timestamp
from wamesh.emulator.memory.people import Account, Customer, Device
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.v1 import memory_wire_pb2 as wire
from wamesh.whatsapp.jid import Jid


class Post:
    """Carries messages. `random_bytes(n)` makes their ids."""

    def __init__(self, log: EventLog, random_bytes: Callable[[int], bytes]) -> None:
        self._log = log
        self._random_bytes = random_bytes
        self._customers: dict[str, Customer] = {}
        self._numbers_by_lid: dict[str, str] = {}

    def customer(self, phone_number: str) -> Customer:
        """Returns the customer with this number, made on first use."""
        customer = self._customers.get(phone_number)
        if customer is None:
            customer = self._customers[phone_number] = Customer(phone_number)
            self._numbers_by_lid[customer.lid.user] = phone_number
        return customer

    def customer_at(self, address: Jid) -> Customer | None:
        """Returns who has this PN or LID; None for a LID nobody has. Every phone number has somebody."""
        number = address.phone_number or self._numbers_by_lid.get(address.user)
        return self.customer(number) if number else None

    # To the account

    def from_customer(self, account: Account, request: pb.SendAsCustomerRequest) -> str:
        """A customer writes to an account; returns the message id. A repeated id delivers nothing again."""
        customer = self.customer(request.customer_phone_number)
        customer.push_name = request.push_name or customer.push_name
        customer.addressing = request.addressing or customer.addressing
        message_id = request.message_id or self._new_message_id()
        if (account.phone_number, message_id) not in customer.sent_ids:
            customer.sent_ids.add((account.phone_number, message_id))
            self._deliver(account, customer, message_id, request)
        return message_id

    def _deliver(
        self, account: Account, customer: Customer, message_id: str, request: pb.SendAsCustomerRequest
    ) -> None:
        self._log.record(
            pb.EVENT_KIND_CUSTOMER_SENT,
            account.phone_number,
            customer.phone_number,
            message_id=message_id,
            text=request.content.text.body,
            detail=request.content.WhichOneof("content") or "",
        )
        address, alternate = customer.addresses()
        frame = wire.InboundFrame(
            chat=str(address),
            sender=str(address),
            sender_alternate=str(alternate),
            push_name=customer.push_name,
            message_id=message_id,
            content=request.content,
            quoted_message_id=request.quoted_message_id,
            send_time=timestamp(self._log.now()),
        )
        account.deliver(wire.ConnectResponse(inbound=frame))
        if account.faults.strike(pb.FAULT_KIND_DUPLICATE_DELIVERY):
            account.deliver(wire.ConnectResponse(inbound=frame))

    # To the customer

    def from_owner(self, account: Account, customer_number: str, text: str) -> str:
        """The owner writes from the phone; linked devices see it as their own. Returns the message id."""
        send = wire.SendFrame(message_id=self._new_message_id(), text=text)
        self.to_customer(account, self.customer(customer_number), send, device=None)
        return send.message_id

    def to_customer(self, account: Account, customer: Customer, send: wire.SendFrame, *, device: Device | None) -> None:
        """Puts a message of `device` (None: the phone) into the mailbox, and shows it to the other devices."""
        number = device.number if device else 0
        self._log.record(
            pb.EVENT_KIND_MESSAGE_SENT,
            account.phone_number,
            customer.phone_number,
            device=number,
            message_id=send.message_id,
            text=send.text,
        )
        customer.unread.setdefault(account.phone_number, []).append(send.message_id)
        customer.mailbox.append(
            pb.CustomerMessage(
                cursor=customer.mailbox.cursor + 1,
                message_id=send.message_id,
                account_phone_number=account.phone_number,
                text=send.text,
                quoted_message_id=send.quoted_message_id,
                send_time=timestamp(self._log.now()),
                device=number,
                content=pb.Content(text=pb.TextContent(body=send.text)),
            )
        )
        self._echo(account, customer, send, device)

    def _echo(self, account: Account, customer: Customer, send: wire.SendFrame, author: Device | None) -> None:
        frame = wire.InboundFrame(
            chat=str(customer.addresses()[0]),
            sender=str(account.lid),
            sender_alternate=str(Jid.of_phone_number(account.phone_number)),
            push_name=account.push_name,
            message_id=send.message_id,
            content=pb.Content(text=pb.TextContent(body=send.text)),
            quoted_message_id=send.quoted_message_id,
            send_time=timestamp(self._log.now()),
            from_me=True,
        )
        account.deliver(wire.ConnectResponse(inbound=frame), but=author)

    # Receipts

    def confirm(self, account: Account, customer: Customer, message_id: str) -> None:
        """The customer's phone sends its *delivered* receipt, unless a fault holds it back."""
        if not account.faults.strike(pb.FAULT_KIND_WITHHOLD_RECEIPT):
            self._receipt(account, customer, [message_id], wire.RECEIPT_FRAME_KIND_DELIVERED)

    def read(self, account: Account, phone_number: str) -> int:
        """The customer opens the chat; returns how many messages were unread."""
        customer = self.customer(phone_number)
        message_ids = customer.unread.pop(account.phone_number, [])
        if message_ids:
            self._log.record(
                pb.EVENT_KIND_CUSTOMER_READ, account.phone_number, phone_number, message_id=message_ids[-1]
            )
            self._receipt(account, customer, message_ids, wire.RECEIPT_FRAME_KIND_READ)
        return len(message_ids)

    def _receipt(
        self,
        account: Account,
        customer: Customer,
        message_ids: list[str],
        kind: "wire.ReceiptFrameKind.ValueType",
    ) -> None:
        frame = wire.ReceiptFrame(
            chat=str(customer.addresses()[0]),
            message_ids=message_ids,
            kind=kind,
            receipt_time=timestamp(self._log.now()),
        )
        account.deliver(wire.ConnectResponse(receipt=frame))

    def _new_message_id(self) -> str:
        """An id as phones make them: `3A` and 18 hexadecimal digits."""
        return "3A" + self._random_bytes(9).hex().upper()
