from datetime import timedelta

import pytest
from support.randomness import seeded_bytes
from support.server_client import Client
from support.server_world import ACCOUNT, ServerWorld, pushed

from wamesh.emulator.codec import SERVER, Address, Node
from wamesh.emulator.phones.linking import container, signed_identity
from wamesh.emulator.server.connection import HANDSHAKE_TIME
from wamesh.emulator.server.pairing import PairingOffer
from wamesh.emulator.server.people import Device
from wamesh.emulator.server.registration import CompanionFinish
from wamesh.emulator.signal import curve
from wamesh.emulator.v1 import emulator_pb2 as pb

ACCOUNT_KEY = curve.generate(seeded_bytes("account key"))
WRAPPED = bytes(80)


class Outcome:
    """How a pairing ended."""

    def __init__(self) -> None:
        self.device: Device | None = None
        self.why = "not yet"

    def __call__(self, device: Device | None, why: str) -> None:
        self.device, self.why = device, why


def offered(client: Client) -> tuple[list[bytes], str]:
    """The refs a client is shown, and the id of the question."""
    (question,) = client.heard()
    shown = question.child("pair-device")
    assert shown is not None
    return [ref.data for ref in shown.children("ref")], question.attribute("id")


def scanned(world: ServerWorld, client: Client) -> PairingOffer:
    refs, _ = offered(client)
    offer = world.server.find_code(refs[0])
    assert offer is not None
    return offer


def succeed(world: ServerWorld, client: Client, offer: PairingOffer) -> tuple[Node, Outcome]:
    """The owner's phone signs; returns what the client hears."""
    number, outcome = offer.next_device_number(world.account), Outcome()
    signed = signed_identity(ACCOUNT_KEY, client.identity.public, number, world.log.now(), world.random_bytes)
    offer.succeed(world.account, number, container(signed, bytes(32)), outcome)
    (success,) = client.heard()
    return success, outcome


def test_six_codes_are_offered() -> None:
    """A client without a device is shown six refs, none of which holds a comma; any of them finds it."""
    world = ServerWorld()
    refs, _ = offered(Client.pairing(world))
    assert len(set(refs)) == 6
    assert not any(b"," in ref for ref in refs)
    assert len({id(world.server.find_code(ref)) for ref in refs}) == 1
    assert pb.EVENT_KIND_PAIRING_OFFERED in world.kinds()


def test_codes_run_out() -> None:
    """After 60 s for the first code and 20 s for each later one the connection is closed."""
    world = ServerWorld()
    client = Client.pairing(world)
    assert [delay for delay, _ in world.later] == [HANDSHAKE_TIME, timedelta(seconds=160)]
    world.run_later()
    assert client.link.end == "closed"


def test_codes_die_with_the_connection() -> None:
    """A code of a client that is gone finds nobody."""
    world = ServerWorld()
    client = Client.pairing(world)
    refs, _ = offered(client)
    client.connection.closed("gone")
    assert world.server.find_code(refs[0]) is None


def test_device_is_linked_when_it_has_signed() -> None:
    """The client hears its addresses, signs, and is told to log in anew; only then the device exists."""
    world = ServerWorld()
    client = Client.pairing(world)
    success, outcome = succeed(world, client, scanned(world, client))
    told = success.children()[0].child("device")
    assert told is not None
    assert told.attributes == {"jid": world.account.pn.with_device(1), "lid": world.account.lid.with_device(1)}
    assert list(world.account.devices) == [0]
    client.sign(success)
    assert client.heard() == [Node("stream:error", {"code": "515"})]
    assert outcome.device is world.account.devices[1]
    assert (outcome.device.key_index, outcome.device.noise_key) == (1, client.noise.static_public)
    assert world.kinds()[-1] == pb.EVENT_KIND_PAIRED


def test_wrong_device_signature_links_nothing() -> None:
    """A client that signs something else is no device."""
    world = ServerWorld()
    client = Client.pairing(world)
    success, outcome = succeed(world, client, scanned(world, client))
    client.answer_signed(success, bytes(64))
    assert (outcome.device, outcome.why) == (None, "not signed")
    assert list(world.account.devices) == [0]


def test_client_may_refuse() -> None:
    """A client that cannot verify the account's signature answers with an error (neonize)."""
    world = ServerWorld()
    client = Client.pairing(world)
    success, outcome = succeed(world, client, scanned(world, client))
    client.say(Node("iq", {"id": success.attribute("id"), "type": "error", "to": SERVER}))
    assert (outcome.device, outcome.why) == (None, "the client refused the account's signature")


def test_client_may_leave() -> None:
    """A client that ends its connection instead is no device either (Baileys)."""
    world = ServerWorld()
    client = Client.pairing(world)
    _, outcome = succeed(world, client, scanned(world, client))
    client.connection.closed("gone")
    assert (outcome.device, outcome.why) == (None, "the client is gone: gone")


def test_siblings_hear_of_a_new_device() -> None:
    """The account's other devices are told the new list of devices, by phone number."""
    world = ServerWorld()
    sibling, client = world.link(), Client.pairing(world)
    success, _ = succeed(world, client, scanned(world, client))
    client.sign(success)
    (notice,) = pushed(sibling)
    listed = notice.child("devices")
    assert notice.attribute("type") == "account_sync"
    assert listed is not None
    assert [node.attributes["jid"] for node in listed.children()] == [
        world.account.pn.with_device(number) for number in (0, 1, 2)
    ]


def test_device_numbers_are_never_used_twice() -> None:
    """Whoever is unlinked leaves a gap."""
    world = ServerWorld()
    first = world.link()
    world.server.unlink(first, "by the owner")
    assert world.link().number == first.number + 1


def test_refused_code_fails_at_the_client() -> None:
    """When the owner declines, the client gets an identity nobody signed, and the refusal is logged."""
    world = ServerWorld()
    client = Client.pairing(world)
    scanned(world, client).refuse(world.account)
    (success,) = client.heard()
    identity = success.children()[0].child("device-identity")
    assert identity is not None
    assert identity.data == b""
    assert world.kinds()[-1] == pb.EVENT_KIND_PAIRING_REFUSED


def hello(display: bytes = b"Chrome (Linux)", wrapped: bytes = WRAPPED) -> Node:
    children = (
        Node("link_code_pairing_wrapped_companion_ephemeral_pub", {}, wrapped),
        Node("companion_server_auth_key_pub", {}, bytes(32)),
        Node("companion_platform_id", {}, b"1"),
        Node("companion_platform_display", {}, display),
    )
    asking = Address(ACCOUNT[1:], "s.whatsapp.net")
    return _md(Node("link_code_companion_reg", {"jid": asking, "stage": "companion_hello"}, children))


def _md(child: Node) -> Node:
    return Node("iq", {"id": "8", "xmlns": "md", "type": "set", "to": SERVER}, (child,))


def test_pair_code_is_offered_to_one_number() -> None:
    """A client that asks for a code is found by the number it names, and gets a ref of its own."""
    world = ServerWorld()
    client = Client.pairing(world)
    offered(client)
    client.say(hello())
    (answer,) = client.heard()
    (offer,) = world.server.code_offers(ACCOUNT)
    assert offer.hello is not None
    assert offer.hello.wrapped_ephemeral == WRAPPED
    assert answer.children()[0].children()[0].data == offer.ref
    assert world.server.code_offers("+12025550177") == []


def test_pair_code_wants_a_browser_and_a_system() -> None:
    """A display name that is not `Browser (System)` is refused with 400, and so is a key of the wrong length."""
    world = ServerWorld()
    client = Client.pairing(world)
    offered(client)
    for bad in (hello(display=b"wamesh"), hello(wrapped=bytes(79))):
        client.say(bad)
        assert client.heard()[0].attribute("type") == "error"
    assert world.server.code_offers(ACCOUNT) == []


def test_pair_code_passes_both_halves_on() -> None:
    """The phone's half goes to the client as a notification, the client's to the phone, once it was answered."""
    world = ServerWorld()
    client = Client.pairing(world)
    offered(client)
    client.say(hello())
    client.heard()
    (offer,) = world.server.code_offers(ACCOUNT)
    finishes: list[CompanionFinish | None] = []
    offer.primary_hello(b"w" * 80, b"i" * 32, finishes.append)
    (notification,) = client.heard()
    stage = notification.child("link_code_companion_reg")
    assert stage is not None
    assert [child.data for child in stage.children()] == [offer.ref, b"w" * 80, b"i" * 32]
    halves = (
        Node("link_code_pairing_wrapped_key_bundle", {}, b"b" * 156),
        Node("companion_identity_public", {}, b"c" * 32),
        Node("link_code_pairing_ref", {}, offer.ref),
    )
    client.say(_md(Node("link_code_companion_reg", {"stage": "companion_finish"}, halves)))
    assert client.heard()[0].attribute("type") == "result"
    world.later.pop()[1]()
    assert finishes == [CompanionFinish(b"b" * 156, b"c" * 32)]


def test_pair_code_ends_with_its_client() -> None:
    """A client that leaves between the halves is reported to the phone."""
    world = ServerWorld()
    client = Client.pairing(world)
    offered(client)
    client.say(hello())
    finishes: list[CompanionFinish | None] = []
    world.server.code_offers(ACCOUNT)[0].primary_hello(b"w" * 80, b"i" * 32, finishes.append)
    client.connection.closed("gone")
    assert finishes == [None]


def test_code_is_good_once() -> None:
    """A client that was linked shows no codes any more, and its time does not run out."""
    world = ServerWorld()
    client = Client.pairing(world)
    refs, _ = offered(client)
    offer = world.server.find_code(refs[0])
    assert offer is not None
    success, _ = succeed(world, client, offer)
    client.sign(success)
    world.run_later()
    assert (world.server.find_code(refs[0]), client.link.end) == (None, "")


def test_second_scan_takes_the_place_of_the_first() -> None:
    """Whoever scanned first hears that another scan came between."""
    world = ServerWorld()
    client = Client.pairing(world)
    offer = scanned(world, client)
    _, first = succeed(world, client, offer)
    success, second = succeed(world, client, offer)
    client.sign(success)
    assert (first.device, first.why) == (None, "another scan came between")
    assert second.device is world.account.devices[2]


@pytest.mark.parametrize(
    ("name", "length"), [("eRegid", 9), ("eIdent", 31), ("eSkeyID", 4), ("eSkeyVal", 0), ("eSkeySig", 65)]
)
def test_keys_have_their_lengths(name: str, length: int) -> None:
    """A client whose keys fit in no bundle is shown no codes: its bundle would break whoever is handed it."""
    world = ServerWorld()
    client = Client.pairing(world, "client", **{name: bytes(length)})
    assert client.link.end == "closed"
    assert pb.EVENT_KIND_PAIRING_OFFERED not in world.kinds()
