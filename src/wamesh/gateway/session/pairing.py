"""A pairing as an iterator: codes as they rotate, then exactly one end.

Owns: turning a keeper's news into `PairingEvent`s, asking for a pair code where one is wanted, cancelling when the
iterator is left. Refuses: the pairing's timeout, which is the session machine's. Invariant: whoever leaves the iterator
leaves no pairing behind.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Final

import structlog

from wamesh.gateway.errors import AlreadyPaired, Draining
from wamesh.gateway.process.child import ChildGone
from wamesh.gateway.session.keeper import News, SessionKeeper
from wamesh.gateway.session.state import Event, Reason, Session, SessionState
from wamesh.gateway.sessions import PairingEvent
from wamesh.session.v1 import session_pb2 as pb
from wamesh.whatsapp.events import PairCodeIssued, Paired, PairingFailed, PairingFailure, QrIssued

log = structlog.get_logger()

_PAIR_CODE_SECONDS: Final = 30.0

_FAILURES: Final[dict[Reason, PairingFailure]] = {
    Reason.PAIRING_TIMED_OUT: PairingFailure.TIMED_OUT,
    Reason.PAIRING_FAILED: PairingFailure.REFUSED,
    Reason.PAIRING_CANCELLED: PairingFailure.CANCELLED,
    Reason.CLIENT_OUTDATED: PairingFailure.OUTDATED,
}


async def pair(keeper: SessionKeeper, phone_number: str | None) -> AsyncGenerator[PairingEvent, None]:
    """Pairs; with a phone number (E.164) yields one pair code instead of QR codes.

    Raises AlreadyPaired, PairingInProgress, Draining.
    """
    if keeper.expects_device and keeper.session.reason is not Reason.DEVICE_MISSING:
        raise AlreadyPaired(keeper.company_id)
    news: asyncio.Queue[News] = asyncio.Queue()
    with keeper.listening(news.put_nowait):
        await keeper.handle(Event.PAIR)
        try:
            async for event in _codes(keeper, news, phone_number):
                yield event
                if isinstance(event, Paired | PairingFailed):
                    return
        finally:
            with contextlib.suppress(Draining):
                await keeper.handle(Event.CANCEL_PAIRING)


async def _codes(
    keeper: SessionKeeper, news: asyncio.Queue[News], phone_number: str | None
) -> AsyncGenerator[PairingEvent, None]:
    """Yields what the news mean to whoever pairs: the wanted kind of codes, and an end."""
    coded = False
    while True:
        event = await news.get()
        if isinstance(event, Session):
            if event.state is not SessionState.PAIRING:
                yield _end_of(keeper.company_id, event)
        elif isinstance(event, QrIssued) and phone_number is not None:
            if not coded:  # the first QR says that WhatsApp is there to be asked for a pair code
                coded = True
                yield await _pair_code(keeper, phone_number)
        elif not isinstance(event, PairCodeIssued):  # that one is the answer just yielded, told again
            yield event


async def _pair_code(keeper: SessionKeeper, phone_number: str) -> PairCodeIssued | PairingFailed:
    command = pb.Command(request_pair_code=pb.RequestPairCode(phone_number=phone_number))
    try:
        async with asyncio.timeout(_PAIR_CODE_SECONDS):
            answer = await keeper.runner.ask(command)
    except (ChildGone, TimeoutError):
        return PairingFailed(PairingFailure.UNAVAILABLE)
    if answer.WhichOneof("answer") == "pair_code":
        return PairCodeIssued(answer.pair_code.code)
    log.warning("pair_code_refused", company_id=keeper.company_id, error=answer.failed.reason)
    return PairingFailed(PairingFailure.REFUSED)


def _end_of(company_id: int, session: Session) -> PairingFailed:
    """Why a pairing is over that ended without a word of WhatsApp. Raises AlreadyPaired."""
    if session.reason is Reason.ALREADY_PAIRED:
        raise AlreadyPaired(company_id)
    return PairingFailed(_FAILURES.get(session.reason, PairingFailure.UNAVAILABLE))
