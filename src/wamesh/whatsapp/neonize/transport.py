"""The transport over the real protocol: neonize, which carries whatsmeow as native code. The only file that
imports it.

The library ends its whole process when it is called at the wrong moment (neonize 0.5.2: sends while another
client connects or stops, `stop` while dialing, calls on a stopped client, collected callbacks). So: one
company a process; each call is guarded by our own state, never by the library's; nothing handed to it is ever
collected; its `Stop`, which writes to a map that sends read, is never called. A client that is over stays
parked, disconnected, until its process ends; `connect` makes another.

What it does not report we time: a pairing that nobody answers (no event), a socket that is closed by `stop`
(no event). It tells WhatsApp that a message has arrived before it tells us the message: so each that it tells is handed
on, whatever has become of its client meanwhile, and `connect` gives the last ones time to come before it returns. The
library prints where it likes: whoever starts the process collects its output.

Options: `proxy` (URL, for networks that need one), `ca_file` (PEM file of a certificate authority to trust, for
networks that inspect TLS; see `native_environment`), `device_database` (URL of the schema that holds the device, for
several gateways over one PostgreSQL; without it a file in the company's directory does; see `store.py`).

Owns: the library, its threads, the order of its events. Refuses: what its events and errors mean
(`neonize_events`, `neonize_errors`). Invariant: `_online` is True only between a Connected event and whatever
ends it, and only then is a message handed to the library.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

from wamesh.whatsapp.neonize.packages_left_out import packages_left_out

with packages_left_out():
    import neonize  # noqa: F401 - the imports below find it loaded

# isort: split
from neonize import client as library_client
from neonize import events as library
from neonize.client import NewClient, ProxySettings
from neonize.exc import NeonizeError
from neonize.proto.Neonize_pb2 import JID, LogEntry
from neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2 import DeviceProps
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import ContextInfo, ExtendedTextMessage, Message
from neonize.utils.enum import Presence

from wamesh.whatsapp.events import (
    ClientOutdated,
    Connected,
    Disconnected,
    Event,
    KeepAliveRestored,
    KeepAliveTimedOut,
    LoggedOut,
    PairCodeIssued,
    Paired,
    PairingFailed,
    PairingFailure,
    QrIssued,
    Replaced,
    is_final,
)
from wamesh.whatsapp.jid import Jid
from wamesh.whatsapp.neonize import events as neonize_events
from wamesh.whatsapp.neonize.errors import end_of, outcome_of
from wamesh.whatsapp.neonize.native_environment import first_environment, refuse_wrong_environment
from wamesh.whatsapp.neonize.store import NeonizeDeviceStore
from wamesh.whatsapp.neonize.store_alarm import end_process, watch_log
from wamesh.whatsapp.transport import (
    DeviceStoreUnavailable,
    NotSent,
    OnEvent,
    OutgoingMessage,
    PairCodeUnavailable,
    SendOutcome,
    Sent,
)

FIRST_QR: Final = timedelta(seconds=60)
LATER_QR: Final = timedelta(seconds=20)
PAIRING_GRACE: Final = timedelta(seconds=10)
PAIR_CODE_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 0.15
"""Without a message for so long after the socket is closed, all that was decrypted has reached us: a few ms each."""
LONGEST_SETTLE_SECONDS: Final = 2.0
PUSH_NAME_PAUSES: Final = (0.1, 60.0)
"""Seconds between looks for the push name: at first, doubled after each look, and at most."""
DEVICE_NAME: Final = "wamesh"

_log = logging.getLogger("wamesh.whatsapp.neonize")
logging.getLogger("neonize.utils.log").setLevel(logging.WARNING)  # what the native library logs, it takes from here
watch_log(library_client, lambda entry: str(LogEntry.FromString(entry).Message))
_kept_alive: Final[list[NewClient]] = []
"""Every client of this process: collecting one would call the library's `Stop`."""


class NeonizeTransport:
    """One company's client. See `Transport` for what each method promises."""

    def __init__(self, store: NeonizeDeviceStore, on_event: OnEvent, proxy: str | None = None) -> None:
        self._store = store
        self._on_event = on_event
        self._proxy = ProxySettings(proxy) if proxy else None
        self._connecting = threading.Lock()
        self._emitting = threading.RLock()
        self._changed = threading.Condition()
        self._client: NewClient | None = None
        self._registered = False
        self._online = False
        self._over = False
        self._stopped = False
        self._pairing_deadline: float | None = None
        self._presence_time: float | None = None
        self._presence_pause = 0.0
        self._recorded = 0

    @classmethod
    def open(cls, directory: Path, on_event: OnEvent, options: Mapping[str, str]) -> Self:
        """Returns a transport over `directory`. Raises WrongEnvironment."""
        refuse_wrong_environment("neonize", first_environment(), options)
        return cls(NeonizeDeviceStore.of(directory, options), on_event, options.get("proxy"))

    @property
    def paired(self) -> bool:
        return self._store.paired

    def connect(self) -> None:
        if not self._connecting.acquire(blocking=False):
            raise RuntimeError("connect is running already")
        try:
            client = self._begin()
            threading.Thread(target=self._run_library, args=(client,), name="neonize", daemon=True).start()
            self._stay()
        finally:
            if self._disconnect():
                self._settle()
            with self._emitting:
                pass  # a final event that is being handed on has been handed on before connect returns
            self._connecting.release()

    def request_pair_code(self, phone_number: str) -> str:
        with self._changed:
            ready = self._changed.wait_for(lambda: self._pairing_deadline is not None or self._over, PAIR_CODE_SECONDS)
            client = self._client if ready and not self._over else None
        if client is None or self.paired:
            raise PairCodeUnavailable("no pairing is under way")
        try:
            code: str = client.PairPhone(phone_number.removeprefix("+"), True)
        except NeonizeError as error:
            raise PairCodeUnavailable(f"WhatsApp gave no pair code: {_text(error)}") from error
        self._emit(PairCodeIssued(code))
        return code

    def send(self, message: OutgoingMessage) -> SendOutcome:
        client = self._client
        if client is None or not self._online:
            return NotSent("websocket not connected")
        try:
            response = client.send_message(_address(message.chat), _content(message))
        except NeonizeError as error:
            return outcome_of(_text(error))
        return Sent(response.ID, datetime.fromtimestamp(response.Timestamp, UTC))

    def find_sent(self, secret: bytes) -> str | None:
        return self._store.find_sent(secret)

    def logout(self) -> None:
        client = self._client
        if client is not None and self._online:
            try:
                client.logout()
            except NeonizeError as error:
                _log.warning("WhatsApp did not confirm the logout: %s", _text(error))
            self._handle(LoggedOut(on_connect=False))
        else:
            self.stop()
            self._store.forget()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    # The library's life

    def _begin(self) -> NewClient:
        """Returns a fresh client with every handler in place, and resets the state for it."""
        client = NewClient(
            self._store.lend(),
            uuid=f"wamesh-{uuid4().hex}",
            props=DeviceProps(os=DEVICE_NAME, platformType=DeviceProps.CHROME),
        )
        _kept_alive.append(client)
        client.qr(self._guarded(lambda code: self._show_qr(code.decode())))
        for kind, translate in _TRANSLATIONS.items():
            client.event(kind)(self._guarded(self._handler(translate)))
        for kind, record in _RECORDS.items():
            client.event(kind)(self._recorder(record))
        client.event(library.PairStatusEv)(self._guarded(self._pair_status))
        with self._changed:
            self._client, self._registered, self._online = client, False, False
            self._over, self._stopped, self._pairing_deadline = False, False, None
            self._presence_time = None
        return client

    def _guarded(self, handle: Callable[[Any], None]) -> Callable[[NewClient, Any], None]:
        """A callback for the library; a client that was given up while dialing is closed at its first sign of life."""

        def called(client: NewClient, event: Any) -> None:
            try:
                if client is self._client:
                    handle(event)
                else:
                    client.disconnect()
            except DeviceStoreUnavailable as error:  # the library would swallow it, and the event with it
                end_process(str(error))

        return called

    def _recorder(self, translate: "_Translate") -> Callable[[NewClient, Any], None]:
        """A callback for what WhatsApp counts as delivered, from a client that may be over."""

        def called(_client: NewClient, event: Any) -> None:
            with self._emitting:
                translated = translate(event)
                if translated is not None:
                    self._on_event(translated)
                self._recorded += 1

        return called

    def _handler(self, translate: "_Translate") -> Callable[[Any], None]:
        def handle(event: Any) -> None:
            translated = translate(event)
            if translated is not None:
                self._handle(translated)

        return handle

    def _run_library(self, client: NewClient) -> None:
        """Runs the library's blocking call; it returns by itself only when the first dial failed."""
        try:
            client.connect(self._proxy)
            detail = "the library ended by itself"
        except NeonizeError as error:
            detail = _text(error)
        if client is self._client:
            self._handle(end_of(detail) if self._is_linked() else PairingFailed(PairingFailure.UNAVAILABLE))

    def _is_linked(self) -> bool:
        """The same as `paired`, where nobody would hear that the store does not answer."""
        try:
            return self.paired
        except DeviceStoreUnavailable as error:
            end_process(str(error))

    def _stay(self) -> None:
        """Returns on `stop`, on a final event, or when a pairing has gone unanswered for too long; sets the presence
        meanwhile, on this thread, since no other client begins before it ends.
        """
        while due := self._wait_until_due():
            due()

    def _wait_until_due(self) -> Callable[[], None] | None:
        """Returns what is to be done as soon as its time has come; None when all is over."""
        with self._changed:
            while not (self._over or self._stopped):
                tasks = [
                    (self._pairing_deadline, self._give_up_pairing),
                    (self._presence_time, self._appear_unavailable),
                ]
                timed = [(moment - time.monotonic(), task) for moment, task in tasks if moment is not None]
                left, task = min(timed, key=lambda entry: entry[0], default=(None, None))
                if left is not None and left <= 0:
                    return task
                self._changed.wait(left)
            return None

    def _give_up_pairing(self) -> None:
        self._handle(PairingFailed(PairingFailure.TIMED_OUT))

    def _disconnect(self) -> bool:
        """Closes the socket of a client that has one, and tells whether it has. One that is still dialing is closed at
        its first sign of life.
        """
        with self._changed:
            client, registered = self._client, self._registered
            self._client, self._online, self._over = None, False, True
        if client is None or not registered:
            return False
        client.disconnect()
        return True

    def _settle(self) -> None:
        """Waits until what came before the end of the connection has been handed on."""
        deadline, before = time.monotonic() + LONGEST_SETTLE_SECONDS, -1
        while self._recorded != before and time.monotonic() < deadline:
            before = self._recorded
            time.sleep(SETTLE_SECONDS)

    # Events

    def _handle(self, event: Event) -> None:
        """Notes what the event means for our state, then hands it on; none follows a final event or `stop`."""
        with self._emitting:
            with self._changed:
                if self._over or self._stopped:
                    return
                self._registered = True
                self._online = _online_after(event, self._online)
                self._over = is_final(event)
                if isinstance(event, Paired | Connected):
                    self._pairing_deadline = None
                if isinstance(event, Connected) or not self._online:
                    self._presence_time = time.monotonic() if self._online else None
                    self._presence_pause = PUSH_NAME_PAUSES[0]
                self._changed.notify_all()
            if isinstance(event, LoggedOut):
                self._store.forget()  # the library does it too, but after it has told us
            self._on_event(event)

    def _emit(self, event: Event) -> None:
        with self._emitting:
            self._on_event(event)

    def _show_qr(self, code: str) -> None:
        with self._changed:
            valid_for = FIRST_QR if self._pairing_deadline is None else LATER_QR
            self._pairing_deadline = time.monotonic() + (valid_for + PAIRING_GRACE).total_seconds()
            self._changed.notify_all()
        self._handle(QrIssued(code, valid_for))

    def _pair_status(self, event: Any) -> None:
        failure = neonize_events.pairing_failure(event)
        if failure is not None:
            self._handle(failure)
            return
        device = Jid(event.ID.User, event.ID.Server, event.ID.Device)
        self._handle(Paired(device, self._store.lid(), device.phone_number or "", event.BusinessName))

    def _appear_unavailable(self) -> None:
        """Tells WhatsApp that nobody looks here, or the owner's phone stops ringing.

        A presence carries the push name. After a pairing the account's phone shares it some time after the first login,
        and the library tells nobody when it has come (neonize 0.5.2), so it is looked for, ever more rarely.
        """
        client, named = self._client, bool(self._store.push_name)
        with self._changed:
            self._presence_time = None if named or not self._online else time.monotonic() + self._presence_pause
            self._presence_pause = min(self._presence_pause * 2, PUSH_NAME_PAUSES[1])
        if client is None or not named:
            _log.debug("presence waits for the push name")
            return
        try:
            client.send_presence(Presence.UNAVAILABLE)
        except NeonizeError as error:
            _log.warning("presence was not set: %s", _text(error))


_Translate = Callable[[Any], Event | None]
_TRANSLATIONS: Final[Mapping[Any, _Translate]] = {
    library.ConnectedEv: lambda _: Connected(),
    library.DisconnectedEv: lambda _: Disconnected("the connection was lost"),
    library.StreamReplacedEv: lambda _: Replaced(),
    library.LoggedOutEv: neonize_events.logged_out,
    library.TemporaryBanEv: neonize_events.banned,
    library.ClientOutdatedEv: lambda _: ClientOutdated(),
    library.ConnectFailureEv: neonize_events.connect_failure,
    library.KeepAliveTimeoutEv: lambda _: KeepAliveTimedOut(),
    library.KeepAliveRestoredEv: lambda _: KeepAliveRestored(),
}
"""What the library tells about its connection, in our words; `PairStatusEv` needs the store as well."""

_RECORDS: Final[Mapping[Any, _Translate]] = {
    library.MessageEv: neonize_events.message,
    library.ReceiptEv: neonize_events.receipt,
}
"""What came over it."""


def _online_after(event: Event, online: bool) -> bool:
    if isinstance(event, Connected):
        return True
    return online and not isinstance(event, Disconnected) and not is_final(event)


def _address(chat: Jid) -> JID:
    return JID(User=chat.user, Server=chat.server, Device=0, RawAgent=0, Integrator=0, IsEmpty=False)


def _content(message: OutgoingMessage) -> Message:
    """Plain text as `conversation`; only a quote needs the longer form. Both carry the secret."""
    if message.quoted_message_id:
        context = ContextInfo(
            stanzaID=message.quoted_message_id,
            participant=str(message.chat.without_device()),
            quotedMessage=Message(conversation=""),
        )
        content = Message(extendedTextMessage=ExtendedTextMessage(text=message.text, contextInfo=context))
    else:
        content = Message(conversation=message.text)
    content.messageContextInfo.messageSecret = message.secret
    return content


def _text(error: NeonizeError) -> str:
    """The library's words; some of its errors carry them as bytes."""
    words = error.args[0] if error.args else error
    return words.decode(errors="replace") if isinstance(words, bytes) else str(words)
