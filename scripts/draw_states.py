"""Draws the session machine's table as a document: a diagram of the moves, and the whole matrix.

Owns: docs/session-states.md, which is never edited by hand. Invariant: what it shows is `session_table.TABLE`, and
nothing else.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

from wamesh.gateway.session.machine import ADVICE
from wamesh.gateway.session.state import OPERATOR_EVENTS, Event, Refuse, SessionState
from wamesh.gateway.session.table import TABLE, Cell, Crash, Go, OnceExpired, Stay

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "session-states.md"

_HEAD: Final = """\
# The states of a session

Drawn by `scripts/draw_states` from `src/wamesh/gateway/session/table.py`, whose docstring tells the theory. Do not
edit.

"""

_MATRIX_HEAD: Final = """
## Every state, every event

The target state and its reason; *refused* leaves everything as it is and tells the operator why; `=` stays; an empty
cell is an event of a process that is gone already, and is ignored. `!` marks what happens once the ban has expired, `#`
what a crash loop turns into STOPPED.

"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw docs/session-states.md from the session machine's table.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when the document is out of date")
    if not parser.parse_args().check:
        DOCUMENT.write_text(document())
        return 0
    if DOCUMENT.exists() and DOCUMENT.read_text() == document():
        return 0
    print("docs/session-states.md is out of date; run scripts/draw_states", file=sys.stderr)
    return 1


def document() -> str:
    """The whole document."""
    return _HEAD + diagram() + advice_table() + _MATRIX_HEAD + matrix()


def diagram() -> str:
    """The moves between different states as a mermaid diagram, one arrow a pair with its events."""
    arrows: dict[tuple[SessionState, SessionState], list[str]] = {}
    for state, row in TABLE.items():
        for event, cell in row.items():
            for target in targets(cell):
                if target is not state:
                    arrows.setdefault((state, target), []).append(event.value)
    lines = [f"    {left} --> {right}: {', '.join(events)}" for (left, right), events in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> UNPAIRED", *lines, "```", ""])


def targets(cell: Cell) -> tuple[SessionState, ...]:
    """The states that a cell may lead to, besides staying."""
    match cell:
        case Go(state=state) | OnceExpired(go=Go(state=state)):
            return (state,)
        case Crash():
            return (SessionState.DISCONNECTED, SessionState.STOPPED)
        case _:
            return ()


def advice_table() -> str:
    """What an operator should do, by state."""
    lines = [f"| {state} | {ADVICE[state] or 'nothing: it goes on by itself'} |" for state in SessionState]
    return "\n".join(["", "## What an operator does", "", "| state | action |", "|---|---|", *lines, ""])


def matrix() -> str:
    """One row an event, one column a state."""
    head = ["event", *(state.value for state in SessionState)]
    rows = [[_shown(event), *(words(TABLE[state][event]) for state in SessionState)] for event in Event]
    ruler = ["---"] * len(head)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ruler, *rows))


def words(cell: Cell) -> str:
    """One cell of the matrix."""
    match cell:
        case Go(state, reason):
            return f"{state} {reason}"
        case OnceExpired(go):
            return f"! {words(go)}"
        case Crash(reason):
            return f"# {SessionState.DISCONNECTED} {reason}"
        case Refuse():
            return "*refused*"
        case Stay(does, late):
            return "" if late else " ".join(["=", *(do.value for do in does)])


def _shown(event: Event) -> str:
    return f"**{event}**" if event in OPERATOR_EVENTS else event.value


if __name__ == "__main__":
    sys.exit(main())
