"""The database's clock, which judges every expiry: machines need not agree on time.

Owns: one expression an engine, microseconds since the Unix epoch.
"""

from typing import Final

from wamesh.storage.database import Engine

NOW: Final[dict[Engine, str]] = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
}
