"""Phone numbers never reach a log whole."""

import pytest

from wamesh.logs import mask, mask_numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("to +12025550123 sent", "to +120…23 sent"),
        ("to +1 202 555-0123.", "to +1 2…23."),
        ("12025550123@s.whatsapp.net", "1202…23@s.whatsapp.net"),
        ("12025550123:4@s.whatsapp.net", "1202…23:4@s.whatsapp.net"),
        ("epoch 1763823600, company 12025550123", "epoch 1763823600, company 12025550123"),
    ],
)
def test_numbers_are_masked(text: str, expected: str) -> None:
    """International numbers and addresses are cut; ids and times stay."""
    assert mask(text) == expected


def test_every_value_of_an_event_is_masked() -> None:
    """Lists, errors and plain texts alike."""
    event = {"chat": "12025550123@lid", "errors": ["+12025550123"], "error": ValueError("+12025550123"), "n": 1}
    masked = mask_numbers(None, "info", event)
    assert "5550123" not in str(masked)
    assert masked["n"] == 1
