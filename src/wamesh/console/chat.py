"""The demo's conversation in the terminal: what a customer says, and what the salon answers."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Sequence

from wamesh.console.customer import Customer


async def say(customer: Customer, sentences: Sequence[str]) -> None:
    """Says each sentence and prints the reply to it before the next. Raises NoReply."""
    for sentence in sentences:
        print(await customer.ask(sentence), flush=True)


async def chat(customer: Customer) -> None:
    """Sends what is typed and prints what comes, until the end of the input."""
    showing = asyncio.ensure_future(_show(customer))
    try:
        async for line in _typed_lines():
            if line.strip():
                await customer.write(line.strip())
    finally:
        showing.cancel()


async def _show(customer: Customer) -> None:
    async for reply in customer.replies():
        print(f"\n\033[32m{reply}\033[0m\n" if sys.stdout.isatty() else f"\n{reply}\n", flush=True)


async def _typed_lines() -> AsyncIterator[str]:
    """Lines of standard input; a thread of its own reads them, since a terminal cannot be awaited portably."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in iter(sys.stdin.readline, ""):
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read, name="keyboard", daemon=True).start()
    while line := await lines.get():
        yield line
