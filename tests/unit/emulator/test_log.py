"""The append-only log under the event log and the mailboxes."""

from hypothesis import given
from hypothesis import strategies as st

from wamesh.emulator.log import Log


@given(st.lists(st.integers()), st.integers(0, 30))
def test_after_is_the_rest(items: list[int], cursor: int) -> None:
    """What stands behind a cursor is what was appended since, in order."""
    log: Log[int] = Log()
    for item in items:
        log.append(item)
    assert (list(log.after(cursor)), log.cursor) == (items[cursor:], len(items))
    assert list(log.after(cursor, limit=3)) == items[cursor : cursor + 3]


def test_listener_hears_only_while_it_listens() -> None:
    """A listener is called once for each append, and not after its block."""
    log: Log[str] = Log()
    heard: list[int] = []
    with log.listening(lambda: heard.append(log.cursor)):
        log.append("a")
        log.append("b")
    log.append("c")
    assert heard == [1, 2]
