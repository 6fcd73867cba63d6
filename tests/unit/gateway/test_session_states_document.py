"""docs/session-states.md shows the table as it is."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_drawing_is_current() -> None:
    """`scripts/draw_states --check` finds nothing to change."""
    checked = subprocess.run([ROOT / "scripts" / "draw_states", "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
