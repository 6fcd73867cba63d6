"""docs/emulator.md says what is true: its examples run as they stand, its table of faults has them all."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from support.baileys import packages

from wamesh.console.emulator import app
from wamesh.emulator.faults import AT_ONCE
from wamesh.emulator.v1 import emulator_pb2 as pb

__all__ = ["packages"]

TEXT: Final = Path(__file__).parents[3].joinpath("docs/emulator.md").read_text()
PYTHON_BOT: Final = 'BOT = [sys.executable, HERE / "bot.py"]'
NODE_BOT: Final = 'BOT = ["node", HERE / "bot.mjs"]'
RUN_SECONDS: Final = 120


def example(name: str) -> str:
    """The code block that the page introduces by this file name."""
    (code,) = re.findall(rf"^`{re.escape(name)}`[^`]*?(?:`[^`\n]+`[^`]*?)*\n```\w+\n(.*?)^```$", TEXT, re.M | re.S)[:1]
    return str(code)


def run_documented_test(directory: Path, bot: str, test: str) -> None:
    """Runs the page's test over one of its bots, as its reader does."""
    directory.joinpath(bot).write_text(example(bot))
    directory.joinpath("test_bot.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_bot.py"]
    run = subprocess.run(command, cwd=directory, timeout=RUN_SECONDS, capture_output=True, text=True, check=False)
    assert "1 passed" in run.stdout, run.stdout + run.stderr


def test_neonize_example_runs(tmp_path: Path) -> None:
    """The bot on neonize passes the page's test."""
    run_documented_test(tmp_path, "bot.py", example("test_bot.py"))


@pytest.mark.node
def test_baileys_example_runs(tmp_path: Path, packages: Path) -> None:
    """The bot on Baileys passes the same test with the line that the page gives for it."""
    assert NODE_BOT in TEXT
    test = example("test_bot.py")
    assert PYTHON_BOT in test
    tmp_path.joinpath("node_modules").symlink_to(packages.parent / "node_modules")
    run_documented_test(tmp_path, "bot.mjs", test.replace(PYTHON_BOT, NODE_BOT))


def test_every_fault_is_in_the_table() -> None:
    """Each kind has one row, and the row says when it happens."""
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (at once|armed)", TEXT, re.M))
    kinds = {kind: pb.FaultKind.Name(kind).removeprefix("FAULT_KIND_") for kind in pb.FaultKind.values() if kind}
    told = {name.lower().replace("_", "-"): "at once" if kind in AT_ONCE else "armed" for kind, name in kinds.items()}
    assert rows == told


def test_every_command_exists() -> None:
    """What the page types is there to be typed."""
    typed = set(re.findall(r"^wamesh emulator ([a-z]+)|\$\(wamesh emulator ([a-z]+)", TEXT, re.M))
    assert {first or second for first, second in typed} <= set(app)
