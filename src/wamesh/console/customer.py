"""A customer of the demo salon: writes over the emulator's control service, and waits for replies."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from wamesh.emulator.v1 import emulator_pb2

REPLY_SECONDS: Final = 45.0
MAX_TEXT_BYTES: Final = 65_536


class NoReply(Exception):
    """The salon did not answer in time."""


class Unsayable(Exception):
    """Words that no message can carry."""


def check_words(text: str) -> None:
    """Raises Unsayable, with what to do, unless a message can carry `text`."""
    if not 0 < len(text.encode(errors="replace")) <= MAX_TEXT_BYTES:
        raise Unsayable(f"A message has 1 to {MAX_TEXT_BYTES} bytes: write something, or less.")


class Customer:
    """A customer's phone on the simulated network, in the chat with one account.

    `emulator` is a stub of the network's control service, `account` the salon's number in E.164.
    """

    def __init__(self, emulator: Any, account: str, phone_number: str, name: str) -> None:
        self._emulator = emulator
        self._account = account
        self._phone_number = phone_number
        self._name = name
        self._cursor = 0

    async def write(self, text: str) -> None:
        """Writes a text to the salon. Raises Unsayable."""
        check_words(text)
        await self.send(emulator_pb2.Content(text=emulator_pb2.TextContent(body=text)))

    async def send(self, content: emulator_pb2.Content) -> None:
        """Sends anything to the salon."""
        await self._emulator.SendAsCustomer(
            emulator_pb2.SendAsCustomerRequest(
                customer_phone_number=self._phone_number,
                push_name=self._name,
                account_phone_number=self._account,
                content=content,
            )
        )

    async def replies(self) -> AsyncGenerator[str, None]:
        """Each reply that reaches the phone, in order, for ever; none twice over the life of this object."""
        request = emulator_pb2.WatchCustomerRequest(customer_phone_number=self._phone_number, after_cursor=self._cursor)
        async for seen in self._emulator.WatchCustomer(request):
            self._cursor = seen.message.cursor
            yield seen.message.text

    async def ask(self, text: str) -> str:
        """Writes a text and waits for the next reply. Raises NoReply."""
        await self.write(text)
        return await self.next_reply()

    async def next_reply(self) -> str:
        """Waits for the next reply. Raises NoReply."""
        try:
            async with asyncio.timeout(REPLY_SECONDS), aclosing(self.replies()) as replies:
                return await anext(replies)
        except TimeoutError:
            raise NoReply(f"The salon did not answer within {REPLY_SECONDS:.0f} s.") from None
