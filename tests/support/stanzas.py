"""Hypothesis strategies for stanzas: addresses, attributes, whole elements."""

import string

from hypothesis import strategies as st

from wamesh.emulator.codec import HIDDEN_SERVER, PHONE_NUMBER_SERVER, SERVER, Address, Node
from wamesh.emulator.codec.tokens import codes

_SERVERS = [PHONE_NUMBER_SERVER, HIDDEN_SERVER, "hosted", "hosted.lid", "g.us", "bot", "msgr", "broadcast"]
_USERS = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=20)
_TEXTS = st.one_of(
    st.sampled_from(sorted(codes())),
    st.text(string.digits + "-.", max_size=140),
    st.text(string.digits + "ABCDEF", max_size=140),
    st.text(st.characters(codec="utf-8"), max_size=60),
)

addresses = st.one_of(
    st.just(SERVER), st.builds(Address, _USERS, st.sampled_from(_SERVERS), st.sampled_from([0, 1, 99, 256, 65535]))
)
_NAMES = _TEXTS.filter(bool)
_VALUES = st.one_of(_TEXTS.filter(bool), addresses)
_ATTRIBUTES = st.dictionaries(_NAMES, _VALUES, max_size=5)
_LEAVES = st.builds(Node, _NAMES, _ATTRIBUTES, st.one_of(st.none(), st.binary(max_size=300)))

nodes = st.recursive(
    _LEAVES,
    lambda children: st.builds(Node, _NAMES, _ATTRIBUTES, st.lists(children, max_size=5).map(tuple)),
    max_leaves=12,
)
"""Elements that survive the wire unchanged: no empty attributes, data as bytes."""
