"""Path templates: what parses, what matches."""

import pytest

from wamesh.api import httprule

TEMPLATE = "/v1/companies/{company_id}/bookings/{booking_id}:cancel"


@pytest.mark.parametrize(
    ("source", "path", "found"),
    [
        ("/v1/sessions", "/v1/sessions", {}),
        ("/v1/sessions", "/v1/sessions/", None),
        ("/v1/sessions", "/v1/sessionsx", None),
        ("/v1/{a}", "/v1/7", {"a": "7"}),
        ("/v1/{a}", "/v1/", None),
        ("/v1/{a}", "/v1/7/8", None),
        ("/v1/{a}", "/v1/7%2F8", {"a": "7%2F8"}),
        ("/v1/{a}", "/v1/7:b", {"a": "7:b"}),
        ("/v1/{a}", "/v1/7\n", {"a": "7\n"}),
        (TEMPLATE, "/v1/companies/7/bookings/9:cancel", {"company_id": "7", "booking_id": "9"}),
        (TEMPLATE, "/v1/companies/7/bookings/9%3Acancel", None),
        (TEMPLATE, "/v1/companies/7/bookings/9:other", None),
        (TEMPLATE, "/v1/companies/7/bookings/:cancel", None),
        ("/v1/a.b", "/v1/axb", None),
    ],
)
def test_a_path_matches_its_template_alone(source: str, path: str, found: dict[str, str] | None) -> None:
    """Literals match as written, a variable takes one whole segment, a verb ends the path."""
    assert httprule.parse(source).match(path) == found


def test_the_fields_come_in_the_order_of_the_path() -> None:
    """A template knows which fields it carries."""
    assert httprule.parse(TEMPLATE).fields == ("company_id", "booking_id")


@pytest.mark.parametrize(
    "source",
    ["", "v1", "/", "/v1/", "/v1/*", "/v1/**", "/v1/{a=b}", "/v1/{a.b}", "/v1/{a", "/v1/a:", "/{a}/{a}", "/a b"],
)
def test_what_the_contract_does_not_use_is_refused(source: str) -> None:
    """A template outside of the supported grammar stops the start instead of matching something else."""
    with pytest.raises(httprule.TemplateError):
        httprule.parse(source)


def test_a_verb_is_tried_before_a_variable() -> None:
    """Whatever the order of declaration, `/a/x:go` is the verb and not a variable with a colon."""
    templates = [httprule.parse(each) for each in ("/a/{b}", "/a/{b}:go", "/a/list")]
    ordered = sorted(templates, key=lambda each: each.preference)
    assert [each.source for each in ordered] == ["/a/{b}:go", "/a/list", "/a/{b}"]


@pytest.mark.parametrize(("raw", "text"), [("a%3A1", "a:1"), ("%D1%8F", "я"), ("a+b", "a+b")])
def test_a_value_is_decoded_once(raw: str, text: str) -> None:
    """Percent-escapes are UTF-8; a plus is a plus in a path."""
    assert httprule.decode(raw) == text


def test_a_value_that_is_not_utf8_is_refused() -> None:
    """No replacement characters reach a backend."""
    with pytest.raises(ValueError, match="utf-8"):
        httprule.decode("%ff")
