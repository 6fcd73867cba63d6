"""The refusals of calendars, each named as `ErrorReason` of `wamesh.booking.v1` names it.

    CalendarInvalid            INVALID_ARGUMENT   the text is no calendar, or none that can be expanded
    FeedNotFound               NOT_FOUND          the token opens no feed, for whatever reason

Owns the sentences. Invariant: FeedNotFound says nothing of why, and repeats no token.
"""

from wamesh.errors import InvalidArgument, NotFound, Violation


class CalendarInvalid(InvalidArgument):
    """The text is not a calendar of RFC 5545, or asks for too much; `problem` says what is wrong and what to do."""

    reason = "CALENDAR_INVALID"

    def __init__(self, problem: str) -> None:
        super().__init__([Violation("calendar", problem)], {"problem": problem})
        self.problem = problem


class FeedNotFound(NotFound):
    """No open feed has this token."""

    reason = "FEED_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("feed", "", "No open feed has this token; ask for the feed's present URL.")
