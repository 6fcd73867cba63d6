"""Fixtures and settings that every suite has."""

import structlog
from hypothesis import Phase, settings
from structlog.typing import EventDict, WrappedLogger

pytest_plugins = ["support.databases"]

# For scripts/mutate: always the same examples, and a failure is not made smaller, since nobody reads it.
settings.register_profile("mutation", phases=[Phase.explicit, Phase.generate], derandomize=True, database=None)


def pytest_configure() -> None:
    """Tests show warnings of the code under test, not every call; `capture_logs` still sees all."""
    structlog.configure(processors=[_drop_the_usual, structlog.dev.ConsoleRenderer(colors=False)])


def _drop_the_usual(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if method in ("debug", "info"):
        raise structlog.DropEvent
    return event
