"""Three gateways on one PostgreSQL under fire, for half a minute; `benchmarks/fleet_chaos.py` does five."""

from pathlib import Path

import pytest
from fleet_chaos import Scale, fleet_chaos
from fleet_striking import FREEZE_WORKER, KINDS
from support.postgresql import PostgresqlServer

SHORT = Scale(
    seconds=24,
    seed=7,
    companies=4,
    strikes=8,
    lease_seconds=3,
    kinds=[kind for kind in KINDS if kind != FREEZE_WORKER],  # its sleep alone outlasts the rest
)


@pytest.mark.postgres
async def test_a_fleet_under_fire_keeps_its_word(tmp_path: Path, crashable_server: PostgresqlServer) -> None:
    """Eight different strikes: one holder each, every message answered once, every send once or justly in doubt."""
    verdict = await fleet_chaos(tmp_path, crashable_server, SHORT)
    assert verdict.violations == []
    assert verdict.counts["strikes"] == SHORT.strikes
    assert len([name for name in verdict.counts if name.startswith("strike: ")]) == SHORT.strikes
    assert verdict.counts["customer messages answered once"] >= 20
    assert verdict.counts["texts"] >= 40
    assert verdict.counts["outcome UNKNOWN"] <= 4
