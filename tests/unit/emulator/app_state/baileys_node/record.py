"""Lets Baileys compute what the emulator computes for app state, and writes it down: `vectors.json`.

    npm install baileys@7.0.0-rc14
    BAILEYS=node_modules/baileys PYTHONPATH=src:tests python tests/unit/emulator/app_state/baileys_node/record.py

`theirs` are patches that Baileys made; `ours` are the emulator's, with what Baileys read in them after it had checked
every code. The emulator's draw from `seeded_bytes("ours")`, so a replay makes the same bytes.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from support.app_state import COLLECTION, KEY, our_patches
from support.randomness import seeded_bytes

HERE = Path(__file__).parent


def main() -> None:
    """Records."""
    draw = seeded_bytes("hashes")
    elements = [draw(32).hex() for _ in range(4)]
    hashes = [
        {"base": bytes(128).hex(), "subtract": [], "add": elements[:1]},
        {"base": (b"\xff" * 128).hex(), "subtract": [], "add": elements},
        {"base": draw(128).hex(), "subtract": elements[:2], "add": elements[1:]},
        {"base": bytes(128).hex(), "subtract": elements, "add": []},
    ]
    asked: dict[str, Any] = {
        "collection": COLLECTION,
        "key": {"id": KEY.id.hex(), "data": KEY.data.hex()},
        "hashes": hashes,
        "patches": [patch.hex() for patch in our_patches()],
    }
    command = ["node", str(HERE / "baileys.mjs")]
    made = subprocess.run(command, input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True).stdout
    (HERE / "vectors.json").write_text(made + "\n")


if __name__ == "__main__":
    main()
