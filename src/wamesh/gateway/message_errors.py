"""The refusals of inbox and outbox, each named as `ErrorReason` of `wamesh.gateway.v1` names it.

    RequestIdReused         the request id was used for another message
    MessageNotFound         no message was sent under this request id
    PhoneNumberImpossible   no phone can have the number
    StreamNotOpened         Receive must begin with `open`, and only begin with it

Owns the sentences and their metadata. Invariant: every dynamic word of a sentence is also in the metadata or
in a violation.
"""

from wamesh.errors import AlreadyExists, InvalidArgument, NotFound, Violation


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


class PhoneNumberImpossible(InvalidArgument):
    """No phone can have the number."""

    reason = "PHONE_NUMBER_IMPOSSIBLE"

    def __init__(self, field: str, description: str) -> None:
        super().__init__([Violation(field, description)])


class StreamNotOpened(InvalidArgument):
    """The stream's first message must open the subscription, and no later one may."""

    reason = "STREAM_NOT_OPENED"

    def __init__(self, description: str) -> None:
        super().__init__([Violation("open", description)])
