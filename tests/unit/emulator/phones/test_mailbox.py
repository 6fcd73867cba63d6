"""What a phone shows and what of it is unread."""

from wamesh.emulator.messages import Message
from wamesh.emulator.phones import letters, mailbox
from wamesh.emulator.phones.letters import KEPT, Letters
from wamesh.emulator.phones.mailbox import Mailbox
from wamesh.emulator.store import Documents
from wamesh.emulator.v1 import emulator_pb2 as pb

PHONE, SALON, CLINIC = "+12025550111", "+12025550100", "+12025550101"


def records(documents: Documents, kind: str) -> list[tuple[str, bytes]]:
    return [(key.removeprefix(f"{PHONE} "), value) for key, value in documents.all(kind)]


def restored(documents: Documents) -> Mailbox:
    return Mailbox(PHONE, documents, records(documents, mailbox.MESSAGES), records(documents, mailbox.READ))


def message(account: str, message_id: str) -> pb.CustomerMessage:
    return pb.CustomerMessage(account_phone_number=account, message_id=message_id)


def test_each_chat_is_read_by_itself() -> None:
    """Opening one chat leaves the other's messages unread, also after a restart."""
    documents = Documents.open()
    box = Mailbox(PHONE, documents)
    for account, message_id in ((SALON, "A1"), (CLINIC, "B1"), (SALON, "A2")):
        box.append(message(account, message_id))
    assert box.open(SALON) == ["A1", "A2"]
    box.append(message(SALON, "A3"))
    box = restored(documents)
    assert [box.open(SALON), box.open(CLINIC), box.open(SALON)] == [["A3"], ["B1"], []]


def test_cursors_have_no_gaps() -> None:
    """Each message gets the next position, and keeps it."""
    documents = Documents.open()
    box = Mailbox(PHONE, documents)
    for number in range(12):
        box.append(message(SALON, f"A{number}"))
    assert [item.cursor for item in restored(documents).after(0)] == list(range(1, 13))
    assert ((SALON, "A11") in box, (CLINIC, "A11") in box) == (True, False)


def test_the_newest_letters_are_found() -> None:
    """An old message is forgotten, its id is not; also after a restart."""
    documents = Documents.open()
    kept = Letters(PHONE, documents)
    for number in range(KEPT + 1):
        kept.keep(SALON, f"A {number}", Message(conversation=str(number)))
    for found in (kept, Letters(PHONE, documents, records(documents, letters.SENT))):
        assert (SALON, "A 0") in found
        assert found.find(SALON, "A 0") is None
        assert found.find(SALON, "A 1") == Message(conversation="1")
        assert (CLINIC, "A 1") not in found
