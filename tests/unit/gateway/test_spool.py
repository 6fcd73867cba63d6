"""The journal: what was appended is there after any cut, in order, once."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wamesh.gateway.process import spool
from wamesh.gateway.process.spool import MAX_RECORD_BYTES, Spool, frame, is_torn, parse

records = st.lists(st.binary(min_size=1, max_size=50), max_size=8)


def payloads(journal: Spool) -> list[bytes]:
    return [entry.payload for entry in journal.recovered]


def reopened(path: Path) -> list[bytes]:
    journal = Spool(path)
    try:
        return payloads(journal)
    finally:
        journal.close()


def test_what_was_appended_is_recovered_in_order(tmp_path: Path) -> None:
    """A process that died leaves its unstored records to the next one."""
    journal = Spool(tmp_path / "spool")
    assert [journal.append(text).sequence for text in (b"one", b"two")] == [1, 2]
    assert reopened(tmp_path / "spool") == [b"one", b"two"]


def test_the_file_is_empty_once_all_is_stored(tmp_path: Path) -> None:
    """Storing the last record truncates; storing a part does not lose the rest."""
    path = tmp_path / "spool"
    journal = Spool(path)
    for number in range(3):
        journal.append(b"%d" % number)
    journal.forget(2)
    assert (len(journal), path.stat().st_size > 0) == (1, True)
    journal.forget(3)
    assert (len(journal), path.stat().st_size) == (0, 0)
    assert journal.append(b"next").sequence == 4
    assert reopened(path) == [b"next"]


@settings(max_examples=200)
@given(records, st.integers(0, 10_000))
def test_a_cut_at_any_byte_loses_only_the_torn_record(
    tmp_path_factory: pytest.TempPathFactory, written: list[bytes], cut: int
) -> None:
    """Whatever a crash left of the file: the whole records before the cut are there, and nothing is set aside."""
    path = tmp_path_factory.mktemp("cut") / "spool"
    data = b"".join(frame(record) for record in written)
    cut = min(cut, len(data))
    path.write_bytes(data[:cut])
    whole, end = 0, 0
    for record in written:
        end += len(frame(record))
        whole += end <= cut
    assert reopened(path) == written[:whole]
    assert not path.with_suffix(".damaged").exists()
    assert path.read_bytes() == b"".join(frame(record) for record in written[:whole])


@settings(max_examples=200)
@given(records, st.data())
def test_no_damage_is_read_as_a_record(written: list[bytes], data: st.DataObject) -> None:
    """One changed byte anywhere never yields a record that was not appended."""
    whole = bytearray(b"".join(frame(record) for record in written))
    if whole:
        position = data.draw(st.integers(0, len(whole) - 1))
        whole[position] ^= data.draw(st.integers(1, 255))
    found, _ = parse(bytes(whole))
    assert found == written[: len(found)]


def test_damage_before_the_end_is_set_aside(tmp_path: Path) -> None:
    """Bytes that no crash of ours can have left are kept for a person; the records before them are served."""
    path = tmp_path / "spool"
    broken = bytearray(frame(b"two") + frame(b"three"))
    broken[10] ^= 1
    path.write_bytes(frame(b"one") + broken)
    assert reopened(path) == [b"one"]
    assert path.with_suffix(".damaged").read_bytes() == bytes(broken)


def test_a_hole_of_zeros_is_torn(tmp_path: Path) -> None:
    """A power failure may leave zeros at the end: no record, and nothing worth keeping."""
    path = tmp_path / "spool"
    path.write_bytes(frame(b"one") + bytes(4096))
    assert reopened(path) == [b"one"]
    assert not path.with_suffix(".damaged").exists()


@pytest.mark.parametrize("size", [0, MAX_RECORD_BYTES + 1])
def test_a_record_has_a_sensible_size(size: int) -> None:
    """Empty and oversized records are refused before they are written."""
    with pytest.raises(ValueError, match="a record has"):
        frame(bytes(size))


def test_a_torn_head_is_torn() -> None:
    """Fewer bytes than a head can only be the beginning of an append."""
    assert all(is_torn(frame(b"record")[:cut]) for cut in range(1, 14))


def test_a_failed_append_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full the append raises, and the next one follows the last good record."""
    journal = Spool(tmp_path / "spool")
    journal.append(b"one")

    def full(file: int, data: bytes, offset: int) -> None:
        os.pwrite(file, data[:5], offset)
        raise OSError("no space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="no space"):
        patched.setattr(spool, "_write_whole", full)
        journal.append(b"a much longer record than the next")
    assert journal.append(b"two").sequence == 2
    assert reopened(tmp_path / "spool") == [b"one", b"two"]


def test_a_long_journal_is_compacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that never runs empty does not grow for ever: stored records leave the file."""
    monkeypatch.setattr(spool, "_COMPACT_BYTES", 100)
    path = tmp_path / "spool"
    journal = Spool(path)
    for number in range(20):
        journal.append(b"record %03d" % number)
    journal.forget(19)
    journal.append(b"record 020")
    assert path.stat().st_size == 2 * len(frame(b"record 019"))
    assert reopened(path) == [b"record 019", b"record 020"]
