"""The incident that wamesh exists because of, staged for forty seconds; `benchmarks/incident.py` does ten minutes."""

from pathlib import Path

from incident import incident


async def test_nobody_fights_over_a_number(tmp_path: Path) -> None:
    """Second gateways, verbs, probes, sends, restarts, kills: no connection is replaced by us, no send lost or doubled.

    Then a foreign client takes the number: under the same pressure we stay down until the operator reconnects.
    """
    verdict = await incident(tmp_path, seconds=40, seed=7, transport="emulator")
    assert verdict.violations == []
    assert verdict.counts["replaced by the foreign client"] == 1
    assert verdict.counts["second gateway: exit code 2"] >= 2
    assert verdict.counts["Gateway.Health: OK"] >= 200
    assert verdict.counts["StartSession: OK"] >= 2
    assert verdict.counts["StartSession: FAILED_PRECONDITION"] >= 2
    assert verdict.counts["logins"] >= 3
    assert verdict.counts["texts"] >= 40
