"""Answers to queries, in their common form: `from` the server, `id` as it came."""

from wamesh.emulator.codec import SERVER, Address, Node


def result(query: Node, *children: Node) -> Node:
    """Returns the successful answer, empty without children."""
    return Node("iq", _attributes("result", query), children or None)


def error(query: Node, code: int, text: str) -> Node:
    """Returns the failed answer, such as 404 `item-not-found`."""
    return Node("iq", _attributes("error", query), (Node("error", {"code": str(code), "text": text}),))


def _attributes(kind: str, query: Node) -> dict[str, str | Address]:
    return {"from": SERVER, "type": kind, "id": query.attribute("id")}
