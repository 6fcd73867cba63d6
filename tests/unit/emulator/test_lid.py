"""Hidden ids."""

from hypothesis import given
from hypothesis import strategies as st

from wamesh.emulator.lid import hidden_user
from wamesh.emulator.memory.people import lid_of


def test_a_number_has_the_same_id_in_every_run() -> None:
    """Records and tests may rely on it, over either wire."""
    assert hidden_user("+12025550100") == "634399185829896"
    assert str(lid_of("+12025550100")) == "634399185829896@lid"


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_an_id_has_fifteen_digits(phone_number: str) -> None:
    """As WhatsApp's have, and no leading zero."""
    user = hidden_user(phone_number)
    assert (len(user), user.isdecimal(), user[0] != "0") == (15, True, True)
