"""JSON as callers may write it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.api import jsontext

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    """Whatever json writes comes back the same."""
    assert jsontext.read(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 1}',
        b'[{"b": {"a": 1, "\\u0061": 2}}]',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b"1" * 65,
        b"1." + b"0" * 65,
        b"{} {}",
        b"{'a': 1}",
        b"[1,]",
    ],
)
def test_what_readers_disagree_on_is_refused(body: bytes) -> None:
    """Twins, NaN, other encodings, absurd sizes, trailing text: one sentence and no value."""
    with pytest.raises(jsontext.MalformedJson):
        jsontext.read(body)


@pytest.mark.parametrize("text", ["1.0", "1e3", "1E0", "-0.0"])
def test_a_point_or_exponent_makes_no_integer(text: str) -> None:
    """An integer is written as one."""
    assert type(jsontext.read(text.encode())) is float
