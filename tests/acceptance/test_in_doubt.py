"""kill -9 in the middle of sends, on the real client library: what Send says in the end is the truth."""

from pathlib import Path

from in_doubt import in_doubt

SEED = 7
CALLERS = 8


async def test_a_kill_neither_doubles_nor_loses_a_send(tmp_path: Path) -> None:
    """200 sends under kill -9 of session process and gateway: each final state is what the network's log proves."""
    verdict = await in_doubt(tmp_path, sends=200, seed=SEED, callers=CALLERS, transport="emulator")
    assert verdict.violations == []
    assert verdict.counts["texts"] == 200
    assert min(verdict.counts["kill session"], verdict.counts["kill gateway"]) >= 1  # a blow at what is down is none
    assert verdict.counts["kill session"] + verdict.counts["kill gateway"] >= 4
    assert verdict.counts["sends that a kill interrupted"] >= 10
    assert verdict.counts["UNKNOWN, and the customer has it"] <= 4


async def test_what_is_wanted_at_least_once_arrives(tmp_path: Path) -> None:
    """The same with that guarantee: every text arrives, and more than once only what a kill struck."""
    verdict = await in_doubt(tmp_path, sends=60, seed=SEED, callers=CALLERS, transport="emulator", at_least_once=True)
    assert verdict.violations == []
    assert verdict.counts["texts"] == 60
    assert verdict.counts["outcome UNKNOWN"] == 0
