"""Where a session process gets its transport's options from: asked for each start, since they may change between two.

Owns: the port. Refuses: to know any transport; the composition root picks.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

TransportOptions: TypeAlias = Callable[[int], Awaitable[Mapping[str, str]]]
"""Returns the options for a company's process. Raises ConnectionError, with a sentence for the log, while nobody can
tell them: the start is tried again later.
"""


def always(options: Mapping[str, str]) -> TransportOptions:
    """Options that are known from the beginning, the same for all."""

    async def answer(_company_id: int) -> Mapping[str, str]:
        return options

    return answer


def joined(some: TransportOptions, more: TransportOptions) -> TransportOptions:
    """The options of two sources together."""

    async def answer(company_id: int) -> Mapping[str, str]:
        return {**await some(company_id), **await more(company_id)}

    return answer
