"""One connection of one client: the wire's order, and what each frame does to the network.

Life: opened -> (pairing | logged in) -> closed. A closed connection hears and says nothing more.

Owns: the meaning of frames. Refuses: transport of frames (a `Link` does that). Invariant: a logged-in
connection is its device's `connection`, and no two connections are.
"""

from typing import TYPE_CHECKING, Final, Protocol

from wamesh.emulator import codes
from wamesh.emulator.errors import FrameOutOfPlace
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.v1 import memory_wire_pb2 as wire
from wamesh.whatsapp.jid import Jid

if TYPE_CHECKING:
    from wamesh.emulator.memory.network import MemoryNetwork
    from wamesh.emulator.memory.people import Account, Customer, Device

_PAIR_CODE_LETTERS: Final = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
_QR_PREFIX: Final = "https://wa.me/settings/linked_devices#"


class Link(Protocol):
    """Carries frames to one client. Nothing blocks, and nothing may be called after `close` or `cut`."""

    def push(self, frame: wire.ConnectResponse) -> None:
        """Queues one frame."""
        ...

    def close(self) -> None:
        """Ends the stream after what is queued."""
        ...

    def cut(self) -> None:
        """Breaks the stream as a network failure does; what is queued may be lost."""
        ...


class Connection:
    """One client on the wire; made by `MemoryNetwork.open`."""

    def __init__(self, network: "MemoryNetwork", link: Link, number: int) -> None:
        self.number = number
        self._network = network
        self._link: Link | None = link
        self._session: tuple[Account, Device] | None = None
        self._offered: list[str] = []

    def receive(self, request: wire.ConnectRequest) -> None:
        """Takes one frame of the client; raises FrameOutOfPlace when the wire's order forbids it."""
        if self._link is None:
            return
        frame = request.WhichOneof("frame") or "nothing"
        if frame == "start_pairing":
            self._need(self._session is None and not self._offered, frame, "to be the first frame")
            self._offer_qr()
        elif frame == "request_pair_code":
            self._need(bool(self._offered), frame, "start_pairing before it")
            self._offer_pair_code(request.request_pair_code)
        elif frame == "login":
            self._need(self._session is None and not self._offered, frame, "to be the first frame")
            self._log_in(request.login)
        else:
            self._receive_logged_in(frame, request)

    def lost(self, detail: str) -> None:
        """The client is gone, or the stream broke."""
        self._closed(detail)

    def push(self, frame: wire.ConnectResponse) -> None:
        """Sends a frame, unless the connection is closed."""
        if self._link is not None:
            self._link.push(frame)

    def end(self, last: wire.ConnectResponse, detail: str) -> None:
        """Says a last word and closes."""
        link = self._closed(detail)
        if link is not None:
            link.push(last)
            link.close()

    def cut(self, detail: str) -> None:
        """Breaks the connection off without a word."""
        link = self._closed(detail)
        if link is not None:
            link.cut()

    def replace(self, detail: str) -> None:
        """Ends with *replaced*: another client has the device now."""
        account, device = self._logged_in("replace")
        self._network.log.record(
            pb.EVENT_KIND_REPLACED, account.phone_number, device=device.number, connection=self.number, detail=detail
        )
        end = wire.StreamEnd(reason=wire.STREAM_END_REASON_REPLACED)
        self.end(wire.ConnectResponse(stream_end=end), "replaced")

    def _closed(self, detail: str) -> Link | None:
        """Lets go of everything this connection holds; returns the link, or None when it was closed before."""
        link, self._link = self._link, None
        if link is None:
            return None
        for code in self._offered:
            self._network.offers.pop(code, None)
        account = ""
        if self._session is not None:
            account = self._session[0].phone_number
            self._session[1].connection = None
        self._network.log.record(pb.EVENT_KIND_CONNECTION_CLOSED, account, connection=self.number, detail=detail)
        return link

    # Pairing

    def _offer_qr(self) -> None:
        pace, offer = self._network.pace, wire.QrOffer()
        for index in range(pace.codes):
            code = offer.codes.add(code=_QR_PREFIX + self._network.random_bytes(24).hex())
            code.valid_duration.FromTimedelta(pace.later if index else pace.first)
            self._offer(code.code)
        self._network.log.record(pb.EVENT_KIND_PAIRING_OFFERED, connection=self.number, detail="QR")
        self.push(wire.ConnectResponse(qr_offer=offer))

    def _offer_pair_code(self, request: wire.RequestPairCode) -> None:
        noise = self._network.random_bytes(8)
        code = "".join(_PAIR_CODE_LETTERS[byte % len(_PAIR_CODE_LETTERS)] for byte in noise)
        self._offer(pair_code_key(request.phone_number, code))
        self._network.log.record(
            pb.EVENT_KIND_PAIRING_OFFERED, request.phone_number, connection=self.number, detail="pair code"
        )
        self.push(wire.ConnectResponse(pair_code=wire.PairCode(code=f"{code[:4]}-{code[4:]}")))

    def _offer(self, key: str) -> None:
        self._offered.append(key)
        self._network.offers[key] = self

    # Login

    def _log_in(self, login: wire.Login) -> None:
        account = self._network.accounts.get(login.account_phone_number)
        device = account.devices.get(login.device) if account else None
        if account is None or device is None or device.credential != login.credential:
            self._refuse_login(login, wire.LoginFailure(code=401))
        elif account.faults.strike(pb.FAULT_KIND_UNREACHABLE):
            self.cut("unreachable by a fault")
        elif fault := account.faults.strike(pb.FAULT_KIND_REFUSE_LOGIN):
            failure = wire.LoginFailure(code=fault.code, ban_code=fault.ban_code)
            if fault.HasField("ban_duration"):
                failure.ban_duration.CopyFrom(fault.ban_duration)
            self._refuse_login(login, failure)
            if fault.code in codes.UNLINKING:
                self._network.unlink(account, device, f"login refused with {fault.code}")
        else:
            self._admit(account, device)

    def _refuse_login(self, login: wire.Login, failure: wire.LoginFailure) -> None:
        self._network.log.record(
            pb.EVENT_KIND_LOGIN_REFUSED,
            login.account_phone_number,
            device=login.device,
            connection=self.number,
            code=failure.code,
        )
        self.end(wire.ConnectResponse(login_failure=failure), f"login refused with {failure.code}")

    def _admit(self, account: "Account", device: "Device") -> None:
        if device.connection is not None:
            device.connection.replace(f"by connection {self.number}")
        self._session = account, device
        device.connection = self
        self._network.log.record(
            pb.EVENT_KIND_LOGGED_IN, account.phone_number, device=device.number, connection=self.number
        )
        success = wire.LoginSuccess()
        success.login_time.FromDatetime(self._network.log.now())
        self.push(wire.ConnectResponse(login_success=success))
        for frame in device.pending.values():
            self.push(frame)

    # Logged in

    def _receive_logged_in(self, frame: str, request: wire.ConnectRequest) -> None:
        account, device = self._logged_in(frame)
        if frame == "send":
            self._send(account, device, request.send)
        elif frame == "delivered":
            self._confirm(account, device, request.delivered)
        elif frame == "keep_alive":
            if not account.faults.strike(pb.FAULT_KIND_KEEP_ALIVE_UNANSWERED):
                self.push(wire.ConnectResponse(keep_alive_answer=wire.KeepAliveAnswer()))
        elif frame == "logout":
            self._network.unlink(account, device, "by its own logout")

    def _confirm(self, account: "Account", device: "Device", delivered: wire.Delivered) -> None:
        for number in delivered.deliveries:
            frame = device.pending.pop(number, None)
            if frame is not None and frame.HasField("inbound"):
                self._network.log.record(
                    pb.EVENT_KIND_DEVICE_RECEIVED,
                    account.phone_number,
                    device=device.number,
                    connection=self.number,
                    message_id=frame.inbound.message_id,
                )

    def _send(self, account: "Account", device: "Device", send: wire.SendFrame) -> None:
        customer = self._network.post.customer_at(Jid.parse(send.recipient))
        if account.faults.strike(pb.FAULT_KIND_LOSE_SEND):
            self._record_send(pb.EVENT_KIND_MESSAGE_LOST, send, customer)
        elif customer is None or account.faults.strike(pb.FAULT_KIND_UNKNOWN_RECIPIENT):
            self._reject(send, customer, codes.NOT_ON_WHATSAPP)
        elif fault := account.faults.strike(pb.FAULT_KIND_REJECT_SEND):
            self._reject(send, customer, fault.code)
        else:
            self._accept(account, device, send, customer)

    def _reject(self, send: wire.SendFrame, customer: "Customer | None", code: int) -> None:
        self._record_send(pb.EVENT_KIND_MESSAGE_REJECTED, send, customer, code=code)
        self._ack(send, code)

    def _accept(self, account: "Account", device: "Device", send: wire.SendFrame, customer: "Customer") -> None:
        first_time = send.message_id not in device.sent_ids
        if first_time:
            device.sent_ids.add(send.message_id)
            self._network.post.to_customer(account, customer, send, device=device)
        else:
            self._record_send(pb.EVENT_KIND_MESSAGE_REPEATED, send, customer)
        self._answer(account, send)
        if first_time:
            self._network.post.confirm(account, customer, send.message_id)

    def _answer(self, account: "Account", send: wire.SendFrame) -> None:
        faults = account.faults
        if faults.strike(pb.FAULT_KIND_DROP_AFTER_SEND):
            self.cut("dropped after a send by a fault")
        elif faults.strike(pb.FAULT_KIND_WITHHOLD_ACK):
            pass
        elif fault := faults.strike(pb.FAULT_KIND_DELAY_ACK):
            self._network.call_later(fault.delay_duration.ToTimedelta(), lambda: self._ack(send, 0))
        else:
            self._ack(send, 0)

    def _ack(self, send: wire.SendFrame, code: int) -> None:
        ack = wire.SendAck(message_id=send.message_id, error_code=code)
        ack.ack_time.FromDatetime(self._network.log.now())
        self.push(wire.ConnectResponse(send_ack=ack))

    def _record_send(
        self, kind: "pb.EventKind.ValueType", send: wire.SendFrame, customer: "Customer | None", code: int = 0
    ) -> None:
        account, device = self._logged_in("send")
        self._network.log.record(
            kind,
            account.phone_number,
            customer.phone_number if customer else "",
            device=device.number,
            connection=self.number,
            message_id=send.message_id,
            text=send.text,
            code=code,
        )

    # The wire's order

    def _logged_in(self, frame: str) -> "tuple[Account, Device]":
        if self._session is None:
            raise FrameOutOfPlace(frame, "a login before it")
        return self._session

    @staticmethod
    def _need(met: bool, frame: str, need: str) -> None:
        if not met:
            raise FrameOutOfPlace(frame, need)


def pair_code_key(phone_number: str, code: str) -> str:
    """How a pair code stands among the offers: it is good for one phone number only, with or without its
    dash.
    """
    return f"{phone_number} {code.replace('-', '')}"
