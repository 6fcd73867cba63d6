"""The refusals of inbox and outbox, each named as `ErrorReason` of `wamesh.gateway.v1` names it.

    RequestIdReused         the request id was used for another message
    MessageNotFound         no message was sent under this request id
    MessageNotQueued        the message cannot be cancelled any more
    PaceExceeded            the number would send too fast, or to too many new people
    PhoneNumberImpossible   no phone can have the number
    ExpiryPassed            a message would be given up before it could be sent: FIELD_RULE_BROKEN
    SubscriptionNotFound    nobody opened a subscription of this name, or it was deleted
    StreamNotOpened         Receive must begin with `open`, and only begin with it

Owns the sentences and their metadata. Invariant: every dynamic word of a sentence is also in the metadata or
in a violation.
"""

from datetime import timedelta
from typing import Literal

from wamesh.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted, Violation
from wamesh.gateway.messages import DeliveryState


class RequestIdReused(AlreadyExists):
    """The request id names another message of the company already."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, company_id: int, request_id: str) -> None:
        sentence = (
            f"request_id {request_id} of company {company_id} was used for another message; "
            "choose a new id for a new message."
        )
        super().__init__(sentence, {"company_id": str(company_id), "request_id": request_id})


class MessageNotFound(NotFound):
    """Nothing was sent under this request id."""

    reason = "MESSAGE_NOT_FOUND"

    def __init__(self, company_id: int, request_id: str) -> None:
        sentence = f"Company {company_id} has no message with request_id {request_id}."
        super().__init__("message", f"{company_id}/{request_id}", sentence)


class SubscriptionNotFound(NotFound):
    """Nobody opened a subscription of this name, or it was deleted."""

    reason = "SUBSCRIPTION_NOT_FOUND"

    def __init__(self, subscription: str) -> None:
        sentence = f"There is no subscription {subscription}; Receive opens one."
        super().__init__("subscription", subscription, sentence)


class MessageNotQueued(FailedPrecondition):
    """The message is on its way, or has another outcome."""

    reason = "MESSAGE_NOT_QUEUED"

    def __init__(self, company_id: int, request_id: str, state: DeliveryState) -> None:
        sentence = (
            f"The message with request_id {request_id} of company {company_id} is {state.value}; "
            "only a QUEUED one can be cancelled."
        )
        super().__init__(sentence, {"company_id": str(company_id), "request_id": request_id, "state": state.value})


class PaceExceeded(ResourceExhausted):
    """The company's number would send faster than its pace, or to more new people than it may in a day."""

    reason = "PACE_EXCEEDED"

    def __init__(self, company_id: int, limit: Literal["BURST", "FIRST_CONTACTS"], retry_after: timedelta) -> None:
        sentence = (
            f"Company {company_id} sends faster than its pace allows ({limit}); "
            "try again when there is room, or allow the message to queue."
        )
        super().__init__(sentence, retry_after, {"company_id": str(company_id), "limit": limit})


class PhoneNumberImpossible(InvalidArgument):
    """No phone can have the number."""

    reason = "PHONE_NUMBER_IMPOSSIBLE"

    def __init__(self, field: str, description: str) -> None:
        super().__init__([Violation(field, description)])


class ExpiryPassed(InvalidArgument):
    """The message would be given up before it could be sent."""

    def __init__(self) -> None:
        super().__init__([Violation("expire_time", "must lie ahead")])


class StreamNotOpened(InvalidArgument):
    """The stream's first message must open the subscription, and no later one may."""

    reason = "STREAM_NOT_OPENED"

    def __init__(self, description: str) -> None:
        super().__init__([Violation("open", description)])
