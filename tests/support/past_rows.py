"""Rows as releases of the past wrote them: for each revision of a room's tables, what it was the first to hold.

The statements are frozen: they are the SQL of their time, whatever the tables became. `{bytes}` stands for the type of
bytes. All happened on 2026-03-02 between 12:00 and 12:10 UTC. Numbers are fictional.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from wamesh.storage.database import Room

_NOON: Final = 1772452800000000
_DAY_LATER: Final = _NOON + 86_400_000_000
_SECRET: Final = "CAST('0123456789abcdef0123456789abcdef' AS {bytes})"
_ANNA, _HIDDEN, _BORIS = "12025550101@s.whatsapp.net", "98765432101234@lid", "12025550102@s.whatsapp.net"

_INBOX: Final = (
    "INSERT INTO inbox_messages (company_id, conversation, message_id, epoch, chat, sender, sender_alternate, "
    "phone_number, push_name, kind, body, quoted_message_id, send_time, receive_time) VALUES "
)
_PENDING: Final = (
    "INSERT INTO inbox_pending (subscription, company_id, conversation, acked_sequence, delivered_sequence, "
    "newest_sequence, newest_time, limit_time, waiting, attempts, claim, claimant, available_time) VALUES "
)
_OUTBOX: Final = (
    "INSERT INTO outbox_messages (company_id, request_id, content_hash, chat, body, quoted_message_id, secret, "
    "queueable, state, message_id, failure, epoch, create_time, update_time) VALUES "
)


def _received(message_id: str, chat: str, minute: int) -> str:
    moment = _NOON + minute * 60_000_000
    return (
        f"{_INBOX}(7, '{chat}', '{message_id}', 3, '{chat}', '{chat}', '', '+12025550101', 'Anna', 'TEXT', "
        f"'Можно на 10?', '', {moment}, {moment})"
    )


def _sent(request_id: str, state: str, minute: int, message_id: str = "", failure: str = "") -> str:
    moment = _NOON + minute * 60_000_000
    return (
        f"{_OUTBOX}(7, '{request_id}', {_SECRET}, '{_ANNA}', 'See you at ten.', '', {_SECRET}, "
        f"{'TRUE' if state == 'QUEUED' else 'FALSE'}, '{state}', '{message_id}', '{failure}', 3, {moment}, {moment})"
    )


def _planned(request_id: str, state: str, minute: int) -> str:
    """For an hour later, and for a day from then."""
    moment = _NOON + minute * 60_000_000
    due, expiry = moment + 3_600_000_000, moment + 90_000_000_000
    columns = _OUTBOX.replace("update_time", "update_time, at_least_once, schedule_time, expire_time")
    return (
        f"{columns}(7, '{request_id}', {_SECRET}, '{_ANNA}', 'See you at ten.', '', {_SECRET}, FALSE, '{state}', '', "
        f"'', 3, {moment}, {moment}, FALSE, {due}, {expiry})"
    )


_GATEWAY: Final = {
    "0001": (
        "INSERT INTO leases (company_id, epoch, holder, address, expire_time) "
        f"VALUES (7, 3, 'gateway-a', '127.0.0.1:50051', {_NOON})",
        "INSERT INTO sessions (company_id, epoch, state, reason, since_time, retry_time, device, lid, phone_number, "
        f"name) VALUES (7, 3, 'DISCONNECTED', 'NETWORK_LOST', {_NOON}, {_NOON + 60_000_000}, "
        f"'12025550100:3@s.whatsapp.net', '11112222333344@lid', '+12025550100', 'Salon')",
        "INSERT INTO sessions (company_id, epoch, state, reason, since_time, retry_time, device, lid, phone_number, "
        f"name) VALUES (8, 0, 'UNPAIRED', 'REGISTERED', {_NOON}, NULL, '', '', '', '')",
    ),
    "0002": (
        f"INSERT INTO inbox_identities (company_id, jid, conversation) VALUES (7, '{_ANNA}', '{_ANNA}')",
        f"INSERT INTO inbox_identities (company_id, jid, conversation) VALUES (7, '{_HIDDEN}', '{_ANNA}')",
        f"INSERT INTO inbox_identities (company_id, jid, conversation) VALUES (7, '{_BORIS}', '{_BORIS}')",
        _received("m-1", _ANNA, 1),
        _received("m-2", _BORIS, 2),
        _received("m-3", _ANNA, 3),
        f"{_PENDING}('worker', 7, '{_ANNA}', 1, 3, 3, {_NOON}, {_NOON}, 1, 1, 'claim-1', 'gateway-a', {_NOON})",
        "INSERT INTO inbox_dead_letters (subscription, sequence, company_id, conversation, attempts, bury_time) "
        f"VALUES ('worker', 2, 7, '{_BORIS}', 10, {_NOON})",
        _sent("r-read", "READ", 4, "id-1"),
        _sent("r-failed", "FAILED", 5, failure="The number is not on WhatsApp."),
        _sent("r-unknown", "UNKNOWN", 5, "id-2", "Nobody knows."),
        _sent("r-sending", "SENDING", 6),
        _sent("r-queued", "QUEUED", 7),
        f"INSERT INTO outbox_receipts (company_id, message_id, kind, receipt_time) VALUES (7, 'id-3', 'READ', {_NOON})",
    ),
    "0003": (
        _sent("r-surely", "SENDING", 8, "id-4"),
        "UPDATE outbox_messages SET at_least_once = TRUE WHERE request_id = 'r-surely'",
    ),
    "0004": (
        "INSERT INTO gateways (node, address, join_time, expire_time) "
        f"VALUES ('gateway-a', '127.0.0.1:50051', {_NOON}, {_NOON})",
    ),
    "0005": (
        "INSERT INTO inbox_replays (subscription, company_id, conversation, sequence, claim) "
        f"VALUES ('worker', 7, '{_BORIS}', 2, '')",
        f"{_PENDING}('worker', 7, '{_BORIS}', 2, 0, 2, {_NOON}, {_NOON}, 0, 0, '', '', {_NOON})",
        f"UPDATE inbox_pending SET replays = 1 WHERE conversation = '{_BORIS}'",
    ),
    "0006": (
        _planned("r-cancelled", "CANCELLED", 9),
        _planned("r-later", "QUEUED", 10),
        f"INSERT INTO outbox_contacts (company_id, chat, contact_time) VALUES (7, '{_ANNA}', {_NOON})",
    ),
}

_BOOKING: Final = {
    "0001": (
        "INSERT INTO companies (company_id, name, time_zone, language, currency, address, step_minutes, "
        "notice_minutes, horizon_minutes, revision, last_booking_id) "
        "VALUES (7, 'Salon', 'Europe/London', 'en', 'GBP', '1 High Street', 15, 60, 86400, 1, 2)",
        "INSERT INTO services (company_id, service_id, position, name, localized_names, aliases, duration_minutes, "
        "buffer_before_minutes, buffer_after_minutes, price_micros) "
        "VALUES (7, 1, 0, 'Haircut', '{{}}', '[]', 45, 0, 15, 30000000)",
        "INSERT INTO staff (company_id, staff_id, position, name, localized_names) VALUES (7, 1, 0, 'Olga', '{{}}')",
        "INSERT INTO skills (company_id, staff_id, service_id, duration_minutes, price_micros) "
        "VALUES (7, 1, 1, NULL, NULL)",
        "INSERT INTO day_plans (company_id, staff_id, weekday, day, kind, open_minute, close_minute) "
        "VALUES (7, 1, 0, NULL, 'hours', 540, 1080)",
        "INSERT INTO bookings (company_id, booking_id, state, request_id, fingerprint, start_time, end_time, "
        "price_micros, currency, customer_name, customer_phone_number, customer_chat, note, create_time, cancel_time, "
        f"cancel_reason) VALUES (7, 1, 'confirmed', 'b-1', 'f', {_NOON}, {_NOON + 2_700_000_000}, 30000000, 'GBP', "
        f"'Anna', '+12025550101', '{_ANNA}', '', {_NOON}, NULL, '')",
        "INSERT INTO booking_segments (company_id, booking_id, position, service_id, staff_id, start_time, end_time, "
        f"occupied_from, occupied_until, blocking) VALUES (7, 1, 0, 1, 1, {_NOON}, {_NOON + 2_700_000_000}, {_NOON}, "
        f"{_NOON + 3_600_000_000}, TRUE)",
        "INSERT INTO bookings (company_id, booking_id, state, request_id, fingerprint, start_time, end_time, "
        "price_micros, currency, customer_name, customer_phone_number, customer_chat, note, create_time, cancel_time, "
        f"cancel_reason) VALUES (7, 2, 'cancelled', 'b-2', 'f', {_NOON}, {_NOON + 2_700_000_000}, 30000000, 'GBP', "
        f"'Boris', '+12025550102', '{_BORIS}', '', {_NOON}, {_NOON + 60_000_000}, 'ill')",
        "INSERT INTO booking_segments (company_id, booking_id, position, service_id, staff_id, start_time, end_time, "
        f"occupied_from, occupied_until, blocking) VALUES (7, 2, 0, 1, 1, {_NOON}, {_NOON + 2_700_000_000}, {_NOON}, "
        f"{_NOON + 3_600_000_000}, FALSE)",
        f"INSERT INTO secrets (name, secret) VALUES ('slot', {_SECRET})",
    ),
    "0002": (
        "INSERT INTO visits (company_id, visit_id, state, revision, party_size, start_time, end_time, price_micros, "
        "currency, customer_name, customer_phone_number, customer_chat, note, create_time, update_time, cancel_time, "
        f"cancel_reason, expire_time) VALUES (7, 3, 'held', 1, 1, {_DAY_LATER}, {_DAY_LATER + 2_700_000_000}, "
        f"30000000, 'GBP', '', '', '', '', {_NOON}, {_NOON}, NULL, '', {_NOON + 300_000_000})",
        "INSERT INTO segments (company_id, visit_id, position, service_id, staff_id, session_id, seats, start_time, "
        "end_time, occupied_from, occupied_until, needs, expire_time, blocking, diary_revision) "
        f"VALUES (7, 3, 0, 1, 1, 3, 1, {_DAY_LATER}, {_DAY_LATER + 2_700_000_000}, {_DAY_LATER}, "
        f"{_DAY_LATER + 3_600_000_000}, '[]', {_NOON + 300_000_000}, TRUE, 2)",
        "UPDATE companies SET last_booking_id = 3, diary_revision = 2 WHERE company_id = 7",
    ),
    "0003": (
        f"INSERT INTO feeds (company_id, staff_id, feed_key, create_time) VALUES (7, 1, {_SECRET}, {_NOON})",
        "INSERT INTO imports (company_id, staff_id, calendar, time_zone, import_time, cover_until, content) "
        f"VALUES (7, 1, 'home', 'Europe/London', {_NOON}, 29540880, 'BEGIN')",
    ),
}

_WISH: Final = (
    '{{"service_ids":[],"staff_ids":[],"unwanted_staff":[],"days":[],"unwanted_days":[],"ranges":[],"exact":null,'
    '"readings":[],"about":false,"unwanted_minutes":[],"shift":null}}'
)

_WORKER: Final = {
    "0001": (
        "INSERT INTO conversations (company_id, chat, turn, last_sequence, state, open_input, update_time) "
        f'VALUES (7, \'{_ANNA}\', 2, 5, \'[1,{{{{"language":"ru","stage":"offered","wish":{_WISH},'
        '"service_options":[],"offers":[],"offered_time":null,"offered_before":[],"picked":null,"purpose":null,'
        f'"sought":{_WISH},"visits":[],"moving":null,"last_turn_time":null,"greeted":false}}}}]\', NULL, {_NOON})',
        "INSERT INTO replies (company_id, request_id, chat, turn, place, text, state, update_time) "
        f"VALUES (7, 'reply-1', '{_ANNA}', 1, 0, 'Есть время в 10:00.', 'OWED', {_NOON})",
        "INSERT INTO replies (company_id, request_id, chat, turn, place, text, state, update_time) "
        f"VALUES (7, 'reply-0', '{_ANNA}', 0, 0, 'Здравствуйте!', 'SENT', {_NOON})",
    ),
    "0002": (
        "INSERT INTO handled_messages (company_id, chat, message_id, turn, handle_time) "
        f"VALUES (7, '{_ANNA}', 'm-1', 1, {_NOON})",
    ),
}

PAST_ROWS: Final[Mapping[Room, Mapping[str, Sequence[str]]]] = {
    "gateway": _GATEWAY,
    "booking": _BOOKING,
    "worker": _WORKER,
}
"""By room and revision; a revision that added nothing to hold is absent."""
