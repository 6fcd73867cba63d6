"""The inbox's promises under any order of writes, deliveries, answers, replays, joins and crashes."""

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.gateway_messages import grant_lease
from support.inbox_model import MAX_ATTEMPTS, InboxWorld
from support.inline_database import inline_database

from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.whatsapp.jid import Jid

SUBSCRIPTIONS = st.sampled_from(("worker", "webhooks"))
PICKS = st.integers(0, 5)


def _person(number: int) -> tuple[Jid, Jid]:
    """Both addresses of a customer."""
    return Jid.of_phone_number(f"+120255501{number:02}"), Jid(f"9876543210{number:02}", "lid")


class InboxMachine(RuleBasedStateMachine):
    """Any client behaviour, over a database in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = inline_database("gateway")
        self.people: list[tuple[Jid, Jid]] = []
        self.world = InboxWorld(SqlInboxStore(self.database))
        self.run(grant_lease(self.database, 7, 1))
        self.run(self.world.store.delete("worker"))
        self.run(self.world.open("worker"))

    def run(self, step: Any) -> Any:
        return self.runner.run(step)

    @rule(first=st.integers(0, 1), claimed=st.booleans())
    def meet(self, first: int, claimed: bool) -> None:
        """Somebody new writes from one address, then from the other."""
        person = _person(len(self.people))
        self.people.append(person)
        self.run(self.world.write(person[first]))
        if claimed:
            self.claim("worker", 3, 5)
        self.run(self.world.write(person[1 - first]))

    @precondition(lambda self: self.people)
    @rule(pick=PICKS, form=st.integers(0, 1), told=st.booleans())
    def write(self, pick: int, form: int, told: bool) -> None:
        person = self.people[-1 - pick % len(self.people)]
        self.run(self.world.write(person[form], person[1 - form] if told else None))

    @rule(subscription=SUBSCRIPTIONS)
    def open(self, subscription: str) -> None:
        self.run(self.world.open(subscription))

    @precondition(lambda self: self.world.written > 6 and "webhooks" in self.world.progress)
    @rule()
    def delete(self) -> None:
        self.run(self.world.delete("webhooks"))

    @rule(subscription=SUBSCRIPTIONS, limit=st.integers(1, 3), after=st.sampled_from((0, 5, 60)))
    def claim(self, subscription: str, limit: int, after: int) -> None:
        self.world.wait(after)
        if subscription in self.world.progress:
            self.run(self.world.claim(subscription, limit))

    @rule(after=st.sampled_from((0, 5)))
    def fail(self, after: int) -> None:
        """A client that can deal with nothing: what it is given becomes dead letters."""
        self.world.wait(after)
        for _ in range(MAX_ATTEMPTS):
            for claim in self.run(self.world.claim("worker")):
                self.run(self.world.nack(claim, 0, counted=True))
        self.run(self.world.claim("worker", 1))

    @precondition(lambda self: self.world.claims)
    @rule(pick=PICKS)
    def ack(self, pick: int) -> None:
        self.run(self.world.ack(self.world.claims[-1 - pick % len(self.world.claims)]))

    @precondition(lambda self: self.world.claims)
    @rule(pick=PICKS, delay=st.sampled_from((0, 1, 30)), counted=st.booleans())
    def nack(self, pick: int, delay: int, counted: bool) -> None:
        self.run(self.world.nack(self.world.claims[-1 - pick % len(self.world.claims)], delay, counted=counted))

    @precondition(lambda self: self.world.progress["worker"].dead)
    @rule()
    def replay(self) -> None:
        self.run(self.world.replay("worker"))

    @rule()
    def release(self) -> None:
        self.run(self.world.release())

    @invariant()
    def check(self) -> None:
        self.run(self.world.check())

    def teardown(self) -> None:
        self.run(self.world.settle())
        self.run(self.database.close())
        self.runner.close()


TestInbox = InboxMachine.TestCase
TestInbox.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
