"""Stanzas as values: reading them and showing them in a log."""

import pytest

from wamesh.emulator.codec import SERVER, Address, CodecError, Node

KEYS = Node("list", {}, (Node("key", {"id": "1"}), Node("skey"), Node("key", {"id": "2"})))


def test_missing_attribute_is_empty_text() -> None:
    """An attribute that is not there reads as empty text and as no address."""
    assert Node("iq").attribute("id") == ""
    assert Node("iq").address("to") is None


def test_address_reads_in_both_forms() -> None:
    """An attribute reads as an address whether it came as one or as text, and as text either way."""
    device = Address("264871930155482", "lid", 3)
    for value in (device, "264871930155482:3@lid"):
        node = Node("to", {"jid": value})
        assert node.address("jid") == device
        assert node.attribute("jid") == "264871930155482:3@lid"


def test_text_that_is_no_address_is_refused_as_one() -> None:
    """Asking for an address where the text is none raises CodecError."""
    with pytest.raises(CodecError):
        Node("to", {"jid": "5:x@lid"}).address("jid")


def test_children_are_found_by_tag() -> None:
    """Children keep their order; a tag picks the first or all of its kind."""
    assert [key.attribute("id") for key in KEYS.children("key")] == ["1", "2"]
    assert [node.tag for node in KEYS.children()] == ["key", "skey", "key"]
    assert KEYS.child("skey") == Node("skey")
    assert KEYS.child("value") is None
    assert Node("ref", {}, b"data").children() == ()


def test_data_is_the_content_as_bytes() -> None:
    """Binary content is the data itself, text is UTF-8, children and nothing are no data."""
    assert Node("ref", {}, b"\x01").data == b"\x01"
    assert Node("ref", {}, "ё").data == b"\xd1\x91"
    assert KEYS.data == b""
    assert Node("active").data == b""


def test_log_form_is_one_line_of_xml() -> None:
    """`str` shows tags, attributes and short data, and only the length of long data."""
    node = Node(
        "iq",
        {"to": SERVER, "id": '"1"'},
        (Node("type", {}, b"\x05"), Node("status", {}, "<busy>"), Node("value", {}, bytes(32)), Node("active")),
    )
    assert str(node) == (
        '<iq to="s.whatsapp.net" id="&quot;1&quot;"><type>05</type><status>&lt;busy&gt;</status>'
        "<value>(32 bytes)</value><active/></iq>"
    )
