"""Faults lying in wait."""

from hypothesis import given
from hypothesis import strategies as st

from wamesh.emulator.faults import Faults
from wamesh.emulator.v1 import emulator_pb2 as pb

KIND = pb.FAULT_KIND_WITHHOLD_ACK


@given(st.integers(1, 20), st.integers(0, 40))
def test_counted_fault_strikes_that_often(count: int, tries: int) -> None:
    """A fault armed for n times strikes n times."""
    faults = Faults()
    faults.arm(pb.InjectFaultRequest(kind=KIND, count=count))
    assert sum(faults.strike(KIND) is not None for _ in range(tries)) == min(count, tries)


def test_uncounted_fault_strikes_until_cleared() -> None:
    """A fault armed for 0 times strikes until it is cleared."""
    faults = Faults()
    faults.arm(pb.InjectFaultRequest(kind=KIND))
    before = [faults.strike(KIND) is not None for _ in range(100)]
    faults.clear()
    assert (all(before), faults.strike(KIND)) == (True, None)


def test_kinds_do_not_touch_each_other() -> None:
    """Arming one kind arms nothing else, and carries its details."""
    faults = Faults()
    faults.arm(pb.InjectFaultRequest(kind=pb.FAULT_KIND_REJECT_SEND, code=463))
    struck = faults.strike(pb.FAULT_KIND_REJECT_SEND)
    assert faults.strike(KIND) is None
    assert struck is not None
    assert struck.code == 463
