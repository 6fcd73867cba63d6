"""One gateway on a data directory: the second waits, then refuses with one line."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from wamesh.gateway.fleet.lock import DirectoryInUse, open_directory


class Watch:
    """A clock that only sleeping moves; `at_half` happens when half the patience is over."""

    def __init__(self, at_half: Callable[[], None] = lambda: None) -> None:
        self.seconds = 0.0
        self._at_half = at_half

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.seconds >= 2.5:
            self._at_half()
            self._at_half = lambda: None


def test_a_second_gateway_is_refused(tmp_path: Path) -> None:
    """After its patience it ends with one line that names the directory and what to do."""
    watch = Watch()
    with open_directory(tmp_path), pytest.raises(DirectoryInUse) as refused:
        open_directory(tmp_path, timedelta(seconds=5), watch.monotonic, watch.sleep)
    assert 5 <= watch.seconds < 5.1
    assert refused.value.message == (
        f"Another gateway is using {tmp_path}: stop it, or start this one with another data directory."
    )


def test_a_second_gateway_waits_for_the_first_to_end(tmp_path: Path) -> None:
    """A rolling restart: the new one starts as soon as the old one is gone."""
    first = open_directory(tmp_path)
    watch = Watch(first.close)
    with open_directory(tmp_path, timedelta(seconds=5), watch.monotonic, watch.sleep) as second:
        assert second.path == tmp_path
    assert 2.5 <= watch.seconds < 2.6


def test_whoever_inherited_the_lock_keeps_the_next_gateway_out(tmp_path: Path) -> None:
    """A session process of a gateway that is gone has its descriptor."""
    first = open_directory(tmp_path)
    inherited = os.dup(first.lock_fd)
    first.close()
    with pytest.raises(DirectoryInUse):
        open_directory(tmp_path, timedelta())
    os.close(inherited)
    open_directory(tmp_path, timedelta()).close()


def test_the_node_keeps_its_name(tmp_path: Path) -> None:
    """A directory's gateway has one name for ever, and no two directories share one."""
    with open_directory(tmp_path / "a") as first, open_directory(tmp_path / "b") as other:
        assert first.node != other.node
    with open_directory(tmp_path / "a") as again:
        assert again.node == first.node


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    """Device keys live below the directory: nobody else gets in."""
    with open_directory(tmp_path / "data") as held:
        assert held.path.stat().st_mode & 0o077 == 0
