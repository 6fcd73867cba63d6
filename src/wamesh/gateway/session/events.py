"""What WhatsApp's events mean to the session machine: the one place where the two vocabularies meet.

Owns: that map. Refuses: to act. Invariant: every event of a transport that the journal does not carry has a
line.
"""

from datetime import timedelta

from wamesh.gateway.session.state import Event
from wamesh.whatsapp import events


def meaning_of(event: events.Event) -> tuple[Event, timedelta | None] | None:
    """Returns the machine's event and a ban's duration; None for codes on offer, which change no state."""
    match event:
        case events.Paired():
            return Event.PAIRED, None
        case events.PairingFailed(events.PairingFailure.OUTDATED):
            return Event.OUTDATED, None
        case events.PairingFailed():
            return Event.PAIRING_FAILED, None
        case events.Connected():
            return Event.CONNECTED, None
        case events.Disconnected(final=final):
            return (Event.DIAL_ENDED if final else Event.NETWORK_LOST), None
        case events.Replaced():
            return Event.REPLACED, None
        case events.LoggedOut(on_connect=on_connect):
            return (Event.LOGIN_REFUSED if on_connect else Event.LOGGED_OUT), None
        case events.TemporarilyBanned(expires_in=expires_in):
            return Event.BANNED, expires_in
        case events.ClientOutdated():
            return Event.OUTDATED, None
        case events.KeepAliveTimedOut():
            return Event.KEEP_ALIVE_LOST, None
        case events.KeepAliveRestored():
            return Event.KEEP_ALIVE_RESTORED, None
        case _:
            return None
