"""The worker's view of `wamesh.gateway.v1`: sending, and reading deliveries.

Owns the mapping between protobuf and the runner's values, and which refusal of Send passes by itself. Refuses
decisions. Invariant: `send` returns only an outcome that is final for the request id; everything else is TryLater.
"""

import re
from typing import TYPE_CHECKING, Final

import grpc
import structlog

from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.rpc.errors import refusal_of
from wamesh.worker.events import Content, CustomerMessage
from wamesh.worker.failures import TryLater
from wamesh.worker.stores import Key, Outcome, OwedReply

if TYPE_CHECKING:
    from wamesh.gateway.v1.gateway_pb2_grpc import GatewayAsyncStub

_WRITTEN: Final = frozenset(
    {
        pb.CONTENT_KIND_TEXT,
        pb.CONTENT_KIND_IMAGE,
        pb.CONTENT_KIND_VIDEO,
        pb.CONTENT_KIND_DOCUMENT,
    }
)
"""Kinds whose `text` the customer wrote."""
_NOT_SENT: Final = frozenset({pb.DELIVERY_STATE_FAILED, pb.DELIVERY_STATE_CANCELLED})
_PERSON: Final = re.compile(r"[0-9]{5,20}@(s\.whatsapp\.net|lid)")
_FOR_GOOD: Final = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS})
_log = structlog.get_logger("worker")


class GatewayClient:
    """The gateway, for one worker."""

    def __init__(self, stub: "GatewayAsyncStub") -> None:
        self.stub = stub

    async def send(self, key: Key, reply: OwedReply) -> Outcome:
        """Sends the reply once, however often it is called. Raises TryLater, also while no session is connected."""
        request = pb.SendRequest(company_id=key.company_id, request_id=reply.request_id, chat=key.chat, text=reply.text)
        try:
            response = await self.stub.Send(request)
        except grpc.aio.AioRpcError as error:
            if error.code() not in _FOR_GOOD:
                raise TryLater("gateway", refusal_of(error)) from error
            _log.error("reply_refused", request_id=reply.request_id, code=error.code().name, message=error.details())
            return Outcome.FAILED
        return _outcome(response.message)


def _outcome(message: pb.OutgoingMessage) -> Outcome:
    if message.state in _NOT_SENT:
        _log.error("reply_failed", request_id=message.request_id, failure=message.failure)
        return Outcome.FAILED
    return Outcome.UNKNOWN if message.state == pb.DELIVERY_STATE_UNKNOWN else Outcome.SENT


def read_message(message: pb.InboundMessage) -> CustomerMessage:
    """The message as the dialogue takes it: text and captions are read, a reaction is one, the rest has no words."""
    if message.kind in _WRITTEN and message.text:
        return CustomerMessage(message.text)
    if message.kind == pb.CONTENT_KIND_REACTION:
        return CustomerMessage(message.text, Content.REACTION)
    return CustomerMessage("", Content.OTHER)


def other_chats(delivery: pb.Delivery) -> tuple[str, ...]:
    """The customer's addresses beside the conversation's name: by phone number (PN) or hidden id (LID)."""
    named = (
        address
        for each in delivery.messages
        for address in (each.sender, each.sender_alternate, _chat_of(each.phone_number))
    )
    return tuple(dict.fromkeys(each for each in named if each != delivery.chat and _PERSON.fullmatch(each)))


def _chat_of(phone_number: str) -> str:
    return f"{phone_number.removeprefix('+')}@s.whatsapp.net"
