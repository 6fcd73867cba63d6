"""Fixtures that every suite may use."""

from wamesh import logs

pytest_plugins = ["support.databases"]


def pytest_configure() -> None:
    """Tests show warnings of the code under test, not every call."""
    logs.configure("tests", "console", "warning")
