"""The network's event log: everything it saw, in order, with the time.

Owns: one way to write a line. Refuses: judging. Invariant: a line is written before its effect can be seen; with
documents behind it the log goes on after a restart where it ended.
"""

from datetime import datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from wamesh.clock import Clock
from wamesh.emulator.log import Log
from wamesh.emulator.store import Documents
from wamesh.emulator.v1 import emulator_pb2 as pb

_KIND: Final = "events"


class EventLog(Log[pb.Event]):
    """The events, each stamped by the network's clock; kept in `documents` when they are given."""

    def __init__(self, clock: Clock, documents: Documents | None = None) -> None:
        super().__init__()
        self._clock = clock
        self._documents = documents
        for _, event in documents.all(_KIND) if documents else ():
            super().append(pb.Event.FromString(event))

    def append(self, item: pb.Event) -> None:
        if self._documents is not None:
            self._documents.put(_KIND, str(item.cursor), item.SerializeToString())
        super().append(item)

    def now(self) -> datetime:
        """The network's clock, aware UTC."""
        return self._clock()

    def record(
        self,
        kind: "pb.EventKind.ValueType",
        account_phone_number: str = "",
        customer_phone_number: str = "",
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
                account_phone_number=account_phone_number,
                device=device,
                connection=connection,
                customer_phone_number=customer_phone_number,
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
