"""What `wamesh emulator ...` asks of a running emulator: its control contract, an rpc a command.

Every function returns an exit code: 0 for done, 1 for a refusal, 2 for what is wrong here; each prints one line.
"""

import asyncio
import mimetypes
import shlex
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from wamesh import settings
from wamesh.console.calls import EXIT_FAILED, Service, connected
from wamesh.console.emulator_words import (
    UnknownWord,
    account_line,
    event_kind,
    event_line,
    fault_kind,
    message_line,
)
from wamesh.console.process import refuse
from wamesh.emulator.client.discovery import EmulatorUnreachable, trust_of
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.v1 import emulator_pb2_grpc

EMULATOR: Final = Service(
    "emulator",
    pb.DESCRIPTOR.services_by_name["Emulator"],
    emulator_pb2_grpc.EmulatorStub,
    settings.EmulatorClientSettings,
    start="wamesh emulator",
)
ANSWER_SECONDS: Final = 60.0
"""As long as a client may take to be linked; everything else is answered at once."""
_UNKNOWN_TYPE: Final = "application/octet-stream"


def accounts() -> int:
    """Prints every account, a line each."""
    request = pb.ListAccountsRequest()
    return _ask("ListAccounts", request, lambda answer: "\n".join(map(account_line, answer.accounts)))


def add(phone_number: str, name: str) -> int:
    """Makes or renames an account, and prints it."""
    request = pb.AddAccountRequest(phone_number=phone_number, push_name=name)
    return _ask("AddAccount", request, lambda answer: account_line(answer.account))


def scan(phone_number: str, code: str, *, refused: bool) -> int:
    """The owner's phone scans a code."""
    request = pb.ScanQrRequest(phone_number=phone_number, code=code, refuse=refused)
    said = "The owner refused the code." if refused else "Device {} is linked."
    return _ask("ScanQr", request, lambda answer: said.format(answer.device))


def enter_code(phone_number: str, code: str) -> int:
    """The owner's phone takes a pair code."""
    request = pb.EnterPairCodeRequest(phone_number=phone_number, code=code)
    return _ask("EnterPairCode", request, lambda answer: f"Device {answer.device} is linked.")


def say(customer: str, account: str, text: str, name: str) -> int:
    """The customer writes; prints the message's id."""
    return _send(customer, account, pb.Content(text=pb.TextContent(body=text)), name)


def send(customer: str, account: str, file: Path, caption: str, name: str) -> int:
    """The customer sends a file, as a picture when it is one; prints the message's id."""
    try:
        data = file.read_bytes()
    except OSError as error:
        return refuse("emulator", f"{file}: {error.strerror}; name a file that can be read.")
    return _send(customer, account, _content_of(file.name, data, caption), name)


def _content_of(file_name: str, data: bytes, caption: str) -> pb.Content:
    media_type = mimetypes.guess_type(file_name)[0] or _UNKNOWN_TYPE
    if media_type.startswith("image/"):
        return pb.Content(image=pb.ImageContent(caption=caption, data=data, media_type=media_type))
    document = pb.DocumentContent(file_name=file_name, caption=caption, data=data, media_type=media_type)
    return pb.Content(document=document)


def _send(customer: str, account: str, content: pb.Content, name: str) -> int:
    request = pb.SendAsCustomerRequest(
        customer_phone_number=customer, account_phone_number=account, content=content, push_name=name
    )
    return _ask("SendAsCustomer", request, lambda answer: answer.message_id)


def read(customer: str, account: str) -> int:
    """The customer opens the chat."""
    request = pb.ReadAsCustomerRequest(customer_phone_number=customer, account_phone_number=account)
    return _ask("ReadAsCustomer", request, lambda answer: f"Unread before: {answer.read_count}.")


def type_(customer: str, account: str, *, typing: bool) -> int:
    """The customer starts or stops typing."""
    request = pb.TypeAsCustomerRequest(customer_phone_number=customer, account_phone_number=account, typing=typing)
    return _ask("TypeAsCustomer", request, lambda _: f"{customer} {'types' if typing else 'stopped typing'}.")


def watch(customer: str, count: int | None, *, as_json: bool) -> int:
    """Prints what the customer's phone receives, from the first message on; ends after `count` messages, if given."""

    async def call(emulator: Any) -> int:
        left = count
        async for seen in emulator.WatchCustomer(pb.WatchCustomerRequest(customer_phone_number=customer)):
            _print(seen.message, message_line, as_json=as_json)
            left = left and left - 1
            if left == 0:
                break
        return 0

    return connected(EMULATOR, call)


def events(kinds: Sequence[str], account: str, customer: str, *, follow: bool, as_json: bool) -> int:
    """Prints the log as far as it matches; goes on with what comes when it is to be followed."""
    try:
        wanted = pb.EventFilter(
            kinds=[event_kind(each) for each in kinds],
            account_phone_number=account,
            customer_phone_number=customer,
        )
    except UnknownWord as wrong:
        return refuse("emulator", str(wrong))

    async def call(emulator: Any) -> int:
        async for event in _followed(emulator, wanted) if follow else _listed(emulator, wanted):
            _print(event, event_line, as_json=as_json)
        return 0

    return connected(EMULATOR, call)


async def _followed(emulator: Any, wanted: pb.EventFilter) -> AsyncIterator[pb.Event]:
    async for seen in emulator.WatchEvents(pb.WatchEventsRequest(filter=wanted)):
        yield seen.event


async def _listed(emulator: Any, wanted: pb.EventFilter) -> AsyncIterator[pb.Event]:
    """Every event up to now, page by page."""
    cursor = -1
    page = pb.ListEventsResponse()
    while page.next_cursor > cursor:
        cursor = page.next_cursor
        page = await emulator.ListEvents(pb.ListEventsRequest(filter=wanted, after_cursor=cursor))
        for event in page.events:
            yield event


def fault(
    account: str, word: str, *, count: int, code: int, delay: timedelta | None, ban: timedelta | None, ban_code: int
) -> int:
    """Makes a fault happen, or arms it."""
    try:
        kind = fault_kind(word)
    except UnknownWord as wrong:
        return refuse("emulator", str(wrong))
    request = pb.InjectFaultRequest(
        account_phone_number=account,
        kind=kind,
        count=count,
        code=code,
        delay_duration=_duration(delay),
        ban_duration=_duration(ban),
        ban_code=ban_code,
    )
    return _ask("InjectFault", request, lambda _: f"{word} is injected for {account}.")


def clear(account: str) -> int:
    """Disarms every fault of an account."""
    request = pb.ClearFaultsRequest(account_phone_number=account)
    return _ask("ClearFaults", request, lambda _: f"No fault is armed for {account}.")


def trust(directory: Path | None) -> int:
    """Writes the authority's certificate, and prints the environment of a client as lines for a shell."""
    try:
        read = settings.load(settings.EmulatorClientSettings, data_directory=directory)
        believed = asyncio.run(trust_of(read.emulator_target))
        environment = believed.environment(read.data_directory)
    except settings.WrongSetting as wrong:
        return refuse("emulator", str(wrong))
    except EmulatorUnreachable as unreachable:
        refuse("emulator", str(unreachable))
        return EXIT_FAILED
    except OSError as error:
        return refuse("emulator", f"{error.filename}: {error.strerror}; choose another directory with --out.")
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _ask(rpc: str, request: Message, said: Callable[[Any], str]) -> int:
    """Calls one rpc and prints what `said` makes of its answer."""

    async def call(emulator: Any) -> int:
        answer = said(await getattr(emulator, rpc)(request, timeout=ANSWER_SECONDS))
        if answer:
            print(answer)
        return 0

    return connected(EMULATOR, call)


def _print(message: Message, line: Callable[[Any], str], *, as_json: bool) -> None:
    if as_json:
        print(MessageToJson(message, preserving_proto_field_name=True, indent=None, ensure_ascii=False), flush=True)
    else:
        print(line(message), flush=True)


def _duration(span: timedelta | None) -> Duration | None:
    if span is None:
        return None
    message = Duration()
    message.FromTimedelta(span)
    return message
