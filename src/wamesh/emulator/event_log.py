"""The network's event log: everything it saw, in order, with the time.

Owns: one way to write a line. Refuses: judging. Invariant: a line is written before its effect can be seen.
"""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from wamesh.clock import Clock
from wamesh.emulator.log import Log
from wamesh.emulator.memory.people import Account
from wamesh.emulator.v1 import emulator_pb2 as pb


class EventLog(Log[pb.Event]):
    """The events, each stamped by the network's clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def now(self) -> datetime:
        """The network's clock, aware UTC."""
        return self._clock()

    def record(
        self,
        kind: "pb.EventKind.ValueType",
        account: Account | str = "",
        customer: str = "",
        *,
        device: int = 0,
        connection: int = 0,
        message_id: str = "",
        text: str = "",
        code: int = 0,
        detail: str = "",
    ) -> None:
        """Writes one line; what has nothing to say stays empty."""
        self.append(
            pb.Event(
                cursor=self.cursor + 1,
                event_time=timestamp(self.now()),
                kind=kind,
                account_phone_number=account.phone_number if isinstance(account, Account) else account,
                device=device,
                connection=connection,
                customer_phone_number=customer,
                message_id=message_id,
                text=text,
                code=code,
                detail=detail,
            )
        )


def timestamp(moment: datetime) -> Timestamp:
    """An aware datetime as protobuf has it."""
    result = Timestamp()
    result.FromDatetime(moment)
    return result
