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
    assert verdict.counts["kill session"] >= 5
    assert verdict.counts["kill gateway"] >= 1
    assert verdict.counts["sends that a kill interrupted"] >= 20
    assert verdict.counts["UNKNOWN, and the customer has it"] <= 4


async def test_who_sends_again_after_a_doubt_loses_nothing(tmp_path: Path) -> None:
    """A caller that answers UNKNOWN with another request id: every text arrives, and twice only after a doubt."""
    verdict = await in_doubt(tmp_path, sends=60, seed=SEED, callers=CALLERS, transport="emulator", again=True)
    assert verdict.violations == []
    assert verdict.counts["texts"] == 60
