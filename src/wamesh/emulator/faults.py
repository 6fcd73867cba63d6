"""Which faults lie in wait for an account, and how often each still strikes.

Owns: arming, striking, disarming. Refuses: doing the damage, which is the business of whoever asks.
Invariant: a fault armed for `count` times strikes exactly `count` times; one armed for 0 times strikes until
it is cleared.
"""

from dataclasses import dataclass, field
from typing import Final

from wamesh.emulator.v1 import emulator_pb2 as pb

AT_ONCE: Final = frozenset(
    {
        pb.FAULT_KIND_REPLACED,
        pb.FAULT_KIND_DEVICE_REMOVED,
        pb.FAULT_KIND_DROP_CONNECTION,
        pb.FAULT_KIND_SLOW_LINK,
        pb.FAULT_KIND_CLOSE_WEBSOCKET,
        pb.FAULT_KIND_STREAM_ERROR,
        pb.FAULT_KIND_SECOND_LOGIN,
        pb.FAULT_KIND_FEW_PREKEYS,
    }
)
"""Kinds that happen when injected; all others are armed."""

NEED_CONNECTION: Final = frozenset(
    {
        pb.FAULT_KIND_REPLACED,
        pb.FAULT_KIND_DROP_CONNECTION,
        pb.FAULT_KIND_CLOSE_WEBSOCKET,
        pb.FAULT_KIND_STREAM_ERROR,
    }
)
"""Kinds that make no sense while nobody is connected."""

NEED_PROTOCOL: Final = frozenset(
    {
        pb.FAULT_KIND_SERVICE_DOWN,
        pb.FAULT_KIND_SLOW_LINK,
        pb.FAULT_KIND_CLOSE_WEBSOCKET,
        pb.FAULT_KIND_STREAM_ERROR,
        pb.FAULT_KIND_SECOND_LOGIN,
        pb.FAULT_KIND_BAD_PAIRING,
        pb.FAULT_KIND_FEW_PREKEYS,
        pb.FAULT_KIND_UNREADABLE_SEND,
        pb.FAULT_KIND_UNREADABLE_DELIVERY,
    }
)
"""Kinds that only WhatsApp's protocol can suffer."""


@dataclass(slots=True)
class _Armed:
    fault: pb.InjectFaultRequest
    left: int | None


@dataclass(slots=True)
class Faults:
    """The armed faults of one account; a kind armed again replaces the earlier one."""

    _armed: "dict[pb.FaultKind.ValueType, _Armed]" = field(default_factory=dict)

    def arm(self, fault: pb.InjectFaultRequest) -> None:
        """Lets `fault` strike its next `count` times, or until cleared when `count` is 0."""
        self._armed[fault.kind] = _Armed(fault, fault.count or None)

    def clear(self) -> None:
        """Disarms everything."""
        self._armed.clear()

    def strike(self, kind: "pb.FaultKind.ValueType") -> pb.InjectFaultRequest | None:
        """Returns the armed fault of this kind and uses up one of its times; None when none is armed."""
        armed = self._armed.get(kind)
        if armed is None:
            return None
        if armed.left is not None:
            armed.left -= 1
            if armed.left == 0:
                del self._armed[kind]
        return armed.fault
