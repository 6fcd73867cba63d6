"""Addresses of the wire: what they look like as text, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.stanzas import addresses

from wamesh.emulator.codec import SERVER, Address, CodecError


@given(addresses)
def test_written_address_reads_back(address: Address) -> None:
    """Parsing what `str` wrote gives the same address."""
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s.whatsapp.net", SERVER),
        ("12025550123@s.whatsapp.net", Address("12025550123", "s.whatsapp.net")),
        ("264871930155482:3@lid", Address("264871930155482", "lid", 3)),
        ("12025550100-1600000000@g.us", Address("12025550100-1600000000", "g.us")),
        ("status@broadcast", Address("status", "broadcast")),
    ],
)
def test_text_form(text: str, address: Address) -> None:
    """The text form is `user:device@server`, without a device 0, and the server alone when there is no user."""
    assert Address.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "@", "@lid", "5@", ":3@lid", "5:@lid", "5:x@lid", "5:-1@lid", "5:65536@lid", "5:²@lid", "5:999999@lid"]
)
def test_text_that_names_nobody_is_refused(text: str) -> None:
    """A text without a server, without the user of a device, or with an impossible device is no address."""
    with pytest.raises(CodecError):
        Address.parse(text)


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """No text raises anything but CodecError."""
    try:
        Address.parse(text)
    except CodecError as error:
        assert repr(text) in str(error)


def test_devices_of_a_person() -> None:
    """A person's devices differ in the device alone, and lead back to the person."""
    person = Address("264871930155482", "lid")
    assert person.with_device(3) == Address("264871930155482", "lid", 3)
    assert person.with_device(3).without_device() == person


def test_devices_sort_by_person_and_number() -> None:
    """Addresses sort by user, then server, then device."""
    listed = [Address("1", "lid", 2), Address("2", "lid"), Address("1", "lid"), Address("1", "g.us")]
    assert sorted(listed) == [Address("1", "g.us"), Address("1", "lid"), Address("1", "lid", 2), Address("2", "lid")]
