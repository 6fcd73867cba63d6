"""Which lines of the library's log end the process."""

import pytest

from wamesh.whatsapp.neonize.store_alarm import is_store_failure

SECRET_LOST = "Failed to store message secret key for outgoing message 3EB0936599085B70BD9BFF: "
UNREAD = "Error decrypting message 3ACB45EC9AAED0D6CF77 from 284902054559405@lid: "
UNSEALED = "Failed to encrypt 3EB02FD27FD99EF2870246 for 284902054559405@lid: cipher encryption failed: "
NO_SOCKET = "dial unix /run/postgresql/.s.PGSQL.5432: connect: no such file or directory"


@pytest.mark.parametrize(
    "line",
    [
        SECRET_LOST + NO_SOCKET,
        SECRET_LOST + "anything at all",
        UNREAD + "failed to decrypt normal message: failed to check if store has session for 2849_1:0: " + NO_SOCKET,
        UNREAD + "failed to load session: dial tcp 127.0.0.1:5432: connect: connection refused",
        UNREAD + "failed to store session: pq: terminating connection due to administrator command (57P01)",
        UNREAD
        + 'failed to get buffered event: pq: relation "whatsmeow_event_buffer" does not exist at column 5 (42P01)',
        UNREAD + "failed to begin transaction: driver: bad connection",
        UNREAD + "failed to load session: read tcp 127.0.0.1:4711->127.0.0.1:5432: read: connection reset by peer",
        UNREAD + "failed to save decrypted event to buffer: database is locked",
        UNSEALED + "failed to save identity of 2849_1:0: pq: the database system is shutting down (57P03)",
        UNSEALED
        + "failed to check if 2849_1:0's identity is trusted: "
        + "read unix @->/run/postgresql/.s.PGSQL.5432: read: connection reset by peer",
    ],
)
def test_failing_store_is_heard(line: str) -> None:
    """A secret that was not stored, whatever the cause; a message that was not read or not encrypted, for a driver's
    error.
    """
    assert is_store_failure(line)


@pytest.mark.parametrize(
    "line",
    [
        UNREAD + "failed to decrypt normal message: received message with old counter (index: 7, count: 4)",
        UNREAD + "failed to decrypt prekey message: unexpected EOF",
        UNREAD + "failed to decrypt normal message: no valid sessions",
        "Failed to get prekey for retry receipt: failed to query next prekey ID: " + NO_SOCKET,
        UNSEALED + "no signal session established with 2849_1:0",
        "Error reconnecting after autoreconnect sleep: dial tcp 127.0.0.1:443: connect: connection refused",
        "Error decrypting message pq: x (57P01) from 2849@lid: failed to decrypt normal message: mismatching MAC",
        f"Error decrypting message {SECRET_LOST} from 2849@lid: no valid sessions",
        f"Error decrypting message x: {NO_SOCKET}\n from 2849@lid: no valid sessions",
    ],
)
def test_what_a_stranger_sends_ends_nothing(line: str) -> None:
    """A message that cannot be read for its own sake does not end the process, whatever id its sender gave it."""
    assert not is_store_failure(line)
