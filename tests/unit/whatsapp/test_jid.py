"""Addresses: what parses, what does not and why, and what never gets lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.whatsapp.jid import GROUP_SERVER, HIDDEN_SERVER, PHONE_NUMBER_SERVER, Jid, JidError, JidProblem

people = st.builds(
    Jid,
    user=st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    server=st.sampled_from([PHONE_NUMBER_SERVER, HIDDEN_SERVER]),
    device=st.integers(0, 0xFFFF),
)


@given(people)
def test_written_address_reads_back(jid: Jid) -> None:
    """Parsing what `str` wrote gives the same address."""
    assert Jid.parse(str(jid)) == jid


@given(st.text())
def test_any_text_is_an_address_or_a_named_problem(text: str) -> None:
    """No text raises anything but JidError."""
    try:
        Jid.parse(text)
    except JidError as error:
        assert error.problem in JidProblem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12025550123@s.whatsapp.net", Jid("12025550123")),
        ("12025550123:4@s.whatsapp.net", Jid("12025550123", device=4)),
        ("12025550123.0:4@s.whatsapp.net", Jid("12025550123", device=4)),
        ("264871930155482@lid", Jid("264871930155482", HIDDEN_SERVER)),
        ("120363025550100@g.us", Jid("120363025550100", GROUP_SERVER)),
        ("12025550100-1600000000@g.us", Jid("12025550100-1600000000", GROUP_SERVER)),
        ("status@broadcast", Jid("status", "broadcast")),
    ],
)
def test_forms_that_whatsapp_writes(text: str, expected: Jid) -> None:
    """People, devices, groups and broadcasts are read in every form WhatsApp writes."""
    assert Jid.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("12025550123", JidProblem.NO_AT_SIGN),
        ("", JidProblem.NO_AT_SIGN),
        ("12025550123@", JidProblem.BAD_SERVER),
        ("1@lid@lid", JidProblem.BAD_SERVER),
        ("12025550123@S.WHATSAPP.NET", JidProblem.BAD_SERVER),
        ("@lid", JidProblem.BAD_USER),
        ("+12025550123@s.whatsapp.net", JidProblem.BAD_USER),
        ("anna@s.whatsapp.net", JidProblem.BAD_USER),
        ("12025550123:x@s.whatsapp.net", JidProblem.BAD_DEVICE),
        ("12025550123:@s.whatsapp.net", JidProblem.BAD_DEVICE),
        ("12025550123:65536@s.whatsapp.net", JidProblem.BAD_DEVICE),
        ("120363025550100:1@g.us", JidProblem.BAD_DEVICE),
    ],
)
def test_wrong_text_names_its_problem(text: str, problem: JidProblem) -> None:
    """Each way to be wrong has a name, and the error shows the whole text."""
    with pytest.raises(JidError) as caught:
        Jid.parse(text)
    assert (caught.value.problem, caught.value.text) == (problem, text)


def test_phone_number_and_address_convert() -> None:
    """An E.164 number and the PN form of its owner are each other's translation."""
    jid = Jid.of_phone_number("+12025550123")
    assert (str(jid), jid.phone_number) == ("12025550123@s.whatsapp.net", "+12025550123")


@pytest.mark.parametrize("number", ["12025550123", "+0202555012", "+1202", "+1 202 555 0123", "+1202555012345678"])
def test_what_is_not_e164_is_no_address(number: str) -> None:
    """A number that is not `+`, country code and 7 to 15 digits is refused."""
    with pytest.raises(JidError) as caught:
        Jid.of_phone_number(number)
    assert caught.value.problem is JidProblem.NOT_E164


def test_hidden_id_shows_no_number() -> None:
    """A LID has no phone number, and equals no PN."""
    hidden = Jid("12025550123", HIDDEN_SERVER)
    assert hidden.phone_number is None
    assert hidden != Jid("12025550123")


@given(people)
def test_device_comes_off_and_on(jid: Jid) -> None:
    """A device's person is the same whichever device it is."""
    assert jid.without_device().with_device(jid.device) == jid
    assert jid.without_device().device == 0
