"""The owner's hands: codes scanned, refused and typed, with clients that only remember what they got."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.phone_world import PhoneWorld
from support.randomness import seeded_bytes

from wamesh.emulator.errors import CodeNotOnOffer
from wamesh.emulator.messages import ADVDeviceIdentity, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC
from wamesh.emulator.phones import pair_code
from wamesh.emulator.phones.linking import container
from wamesh.emulator.phones.owner import OwnerPhone
from wamesh.emulator.phones.port import CompanionFinish, OnLinked
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.signal import KeyPair
from wamesh.emulator.v1 import emulator_pb2 as pb

SECRET = b"s" * 32
IDENTITY = KeyPair.from_private(b"i" * 32)
CODE = ",".join(["2@ref", *(b64encode(key).decode() for key in (bytes(32), IDENTITY.public, SECRET))])


@dataclass
class Hello:
    wrapped_ephemeral: bytes


@dataclass
class Finish:
    wrapped_key_bundle: bytes
    companion_identity: bytes


@dataclass
class Offer:
    """A client that waits to be linked; `answer` is what it says to the phone's half of a pair code."""

    hello: Hello | None = None
    answer: Finish | None = None
    containers: list[bytes] = field(default_factory=list)
    halves: int = 0
    refused: bool = False

    def next_device_number(self, person: Person) -> int:
        return 5

    def succeed(self, person: Person, number: int, container: bytes, on_done: OnLinked) -> None:
        self.containers.append(container)
        on_done(None, "remembered")

    def refuse(self, person: Person) -> None:
        self.refused = True

    def primary_hello(
        self, wrapped_ephemeral: bytes, identity: bytes, on_finish: Callable[[CompanionFinish | None], None]
    ) -> None:
        self.halves += 1
        on_finish(self.answer)


class Hands:
    """An owner's phone, the offers it finds, and how the pairings ended."""

    def __init__(self, world: PhoneWorld, owner: OwnerPhone, offers: dict[bytes, Offer]) -> None:
        self.world = world
        self.owner = owner
        self.offers = offers
        self.ends: list[str] = []

    def done(self, device: Device | None, why: str) -> None:
        self.ends.append(why)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    world, offers = PhoneWorld(), dict[bytes, Offer]()
    monkeypatch.setattr(world.server, "find_code", offers.get)
    monkeypatch.setattr(world.server, "code_offers", lambda phone_number: list(offers.values()))
    return Hands(world, world.phones.owner(world.account), offers)


def identity_in(sealed: bytes) -> Any:
    return ADVSignedDeviceIdentity.FromString(ADVSignedDeviceIdentityHMAC.FromString(sealed).details)


def test_a_scanned_code_links_its_client(hands: Hands) -> None:
    """The client gets an identity under the account key, made for the number that was reserved."""
    offer = hands.offers[b"2@ref"] = Offer()
    hands.owner.scan(CODE, hands.done)
    (sealed,) = offer.containers
    signed = identity_in(sealed)
    assert signed.accountSignatureKey == hands.world.account.devices[0].identity
    assert ADVDeviceIdentity.FromString(signed.details).keyIndex == 5
    assert sealed == container(signed.SerializeToString(), SECRET)
    assert hands.ends == ["remembered"]


def test_a_bad_pairing_carries_a_wrong_code(hands: Hands) -> None:
    """The fault spoils the HMAC, once."""
    offer = hands.offers[b"2@ref"] = Offer()
    hands.world.arm(pb.FAULT_KIND_BAD_PAIRING)
    hands.owner.scan(CODE, hands.done)
    hands.owner.scan(CODE, hands.done)
    bad, good = offer.containers
    fits = [container(identity_in(sealed).SerializeToString(), SECRET) == sealed for sealed in (bad, good)]
    assert fits == [False, True]


@pytest.mark.parametrize("code", [CODE, "hello"])
def test_a_code_that_nobody_shows_is_refused(hands: Hands, code: str) -> None:
    """Neither scanned nor declined."""
    with pytest.raises(CodeNotOnOffer):
        hands.owner.scan(code, hands.done)
    with pytest.raises(CodeNotOnOffer):
        hands.owner.refuse(code)
    with pytest.raises(CodeNotOnOffer):
        hands.owner.enter_pair_code("ABCD-1234", hands.done)
    assert hands.ends == []


def test_a_declined_client_is_told(hands: Hands) -> None:
    """The owner's no reaches the client that shows the code."""
    offer = hands.offers[b"2@ref"] = Offer()
    hands.owner.refuse(CODE)
    assert (offer.refused, offer.containers) == (True, [])


def test_a_wrong_pair_code_is_tried_on_every_client(hands: Hands) -> None:
    """The newest first; when none fits, the owner hears that the code is wrong."""
    wrapped = pair_code.wrap("ABCD-1234", IDENTITY.public, seeded_bytes("client"))
    for ref in (b"1", b"2"):
        hands.offers[ref] = Offer(Hello(wrapped), Finish(bytes(pair_code.BUNDLE_BYTES), IDENTITY.public))
    hands.offers[b"3"] = Offer()
    hands.owner.enter_pair_code("WXYZ-9876", hands.done)
    assert [offer.halves for offer in hands.offers.values()] == [1, 1, 0]
    assert hands.ends == ["the code is wrong"]


def test_a_client_that_leaves_ends_the_pairing(hands: Hands) -> None:
    """No answer to the phone's half is no device."""
    wrapped = pair_code.wrap("ABCD-1234", IDENTITY.public, seeded_bytes("client"))
    hands.offers[b"1"] = Offer(Hello(wrapped))
    hands.owner.enter_pair_code("ABCD-1234", hands.done)
    assert hands.ends == ["the client is gone"]
