"""The light network behind the control contract's port."""

from wamesh.emulator.errors import NoWire
from wamesh.emulator.event_log import EventLog, timestamp
from wamesh.emulator.faults import NEED_PROTOCOL
from wamesh.emulator.log import Log
from wamesh.emulator.memory.network import MemoryNetwork
from wamesh.emulator.memory.people import Account
from wamesh.emulator.v1 import emulator_pb2 as pb


class MemoryControl:
    """A `control.Network` over a MemoryNetwork; see the port for what each method does."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network

    @property
    def log(self) -> EventLog:
        return self._network.log

    def wire(self) -> pb.GetWireResponse:
        raise NoWire

    def add_account(self, phone_number: str, push_name: str) -> pb.Account:
        return as_proto(self._network.add_account(phone_number, push_name))

    def accounts(self) -> list[pb.Account]:
        accounts = sorted(self._network.accounts.values(), key=lambda account: account.phone_number)
        return [as_proto(account) for account in accounts]

    async def scan(self, phone_number: str, code: str) -> int:
        return self._network.scan(phone_number, code).number

    def refuse(self, phone_number: str, code: str) -> None:
        self._network.refuse(phone_number, code)

    async def enter_pair_code(self, phone_number: str, code: str) -> int:
        return self._network.enter_pair_code(phone_number, code).number

    def send_as_customer(self, request: pb.SendAsCustomerRequest) -> str:
        account = self._network.account(request.account_phone_number)
        return self._network.post.from_customer(account, request)

    def send_as_owner(self, account: str, customer: str, text: str) -> str:
        return self._network.post.from_owner(self._network.account(account), customer, text)

    def read_as_customer(self, customer: str, account: str) -> int:
        return self._network.post.read(self._network.account(account), customer)

    def type_as_customer(self, customer: str, account: str, *, typing: bool) -> None:
        raise NoWire

    def mailbox(self, customer: str) -> Log[pb.CustomerMessage]:
        return self._network.post.customer(customer).mailbox

    def inject(self, fault: pb.InjectFaultRequest) -> None:
        if fault.kind in NEED_PROTOCOL:
            raise NoWire
        self._network.inject(fault)

    def clear_faults(self, phone_number: str) -> None:
        self._network.account(phone_number).faults.clear()

    def commit(self) -> None:
        """Nothing is kept: a network in memory ends with its process."""


def as_proto(account: Account) -> pb.Account:
    """The account as the contract shows it."""
    devices = [
        pb.Device(
            number=device.number,
            connected=device.connection is not None,
            link_time=timestamp(device.link_time),
            pending_count=len(device.pending),
        )
        for device in account.devices.values()
    ]
    return pb.Account(
        phone_number=account.phone_number, lid=str(account.lid), push_name=account.push_name, devices=devices
    )
