"""Where a session process gets its transport's options from: asked for each start, since they may change between two.

Owns: the port. Refuses: to know any transport; the composition root picks.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

TransportOptions: TypeAlias = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns the options. Raises ConnectionError, with a sentence for the log, while nobody can tell them: the start is
tried again later.
"""


def always(options: Mapping[str, str]) -> TransportOptions:
    """Options that are known from the beginning."""

    async def answer() -> Mapping[str, str]:
        return options

    return answer
