"""An operator's calls from the terminal: gRPC clients like any other, with answers for people.

Every function returns an exit code: 0 for done, 1 for a refusal, which is printed with its reason.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from wamesh import settings
from wamesh.booking.v1 import booking_pb2, booking_pb2_grpc
from wamesh.console import qr
from wamesh.console.calls import Service, connected
from wamesh.console.process import refuse
from wamesh.gateway.v1 import gateway_pb2, gateway_pb2_grpc

GATEWAY: Final = gateway_pb2.DESCRIPTOR.services_by_name["Gateway"]
BOOKING: Final = booking_pb2.DESCRIPTOR.services_by_name["Booking"]
PAIR_SECONDS: Final = 300.0
OPERATOR_SECONDS: Final = 30.0

_HEALTH_HEADINGS: Final = ("company", "state", "since", "number", "last inbound", "sent in 5 min", "holder")

_console = Console(highlight=False)


def pair(company_id: int, phone_number: str, *, as_text: bool) -> int:
    """Links a WhatsApp number: shows QR codes as they rotate, or one pair code, until it is linked."""
    show = print_text if as_text else qr.draw

    async def call(gateway: Any) -> int:
        request = gateway_pb2.PairRequest(company_id=company_id, phone_number=phone_number)
        async for step in gateway.Pair(request, timeout=PAIR_SECONDS):
            match step.WhichOneof("event"):
                case "qr_code":
                    show(step.qr_code.code)
                case "pair_code":
                    _console.print(f"On the phone: Linked devices > Link with phone number > {step.pair_code.code}")
                case "paired":
                    _console.print(f"Linked: {step.paired.session.phone_number}")
                    return 0
                case "failed":
                    _console.print(f"Not linked ({step.failed.reason}): {step.failed.action}")
        return 1

    return with_gateway(call)


def print_text(code: str) -> None:
    """Prints a QR code's text alone on its line, whole and at once."""
    print(code, flush=True)


def send(company_id: int, phone_number: str, text: str, request_id: str | None) -> int:
    """Sends one text and prints how far it came."""

    async def call(gateway: Any) -> int:
        request = gateway_pb2.SendRequest(
            company_id=company_id, request_id=request_id or str(uuid.uuid4()), phone_number=phone_number, text=text
        )
        message = (await gateway.Send(request, timeout=OPERATOR_SECONDS)).message
        state = gateway_pb2.DeliveryState.Name(message.state).removeprefix("DELIVERY_STATE_")
        _console.print(f"{state} {message.message_id} {message.failure}".rstrip())
        return 0 if message.state < gateway_pb2.DELIVERY_STATE_FAILED else 1

    return with_gateway(call)


def health(company_id: int | None) -> int:
    """Prints the recorded health of one session or all, with their holders where there are several; exit code 1 unless
    each of them is CONNECTED.
    """

    async def call(gateway: Any) -> int:
        answer = await gateway.Health(gateway_pb2.HealthRequest(company_id=company_id))
        several = len({each.session.holder for each in answer.sessions}) > 1
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in _HEALTH_HEADINGS[: None if several else -1]:
            table.add_column(heading, no_wrap=True)
        for each in answer.sessions:
            table.add_row(*_health_cells(each)[: len(table.columns)])
        _console.print(table)
        for each in answer.sessions:
            if each.session.action:
                _console.print(f"Company {each.session.company_id}, {each.session.reason}: {each.session.action}")
        connected = gateway_pb2.SESSION_STATE_CONNECTED
        return 0 if all(each.session.state == connected for each in answer.sessions) else 1

    return with_gateway(call)


def _health_cells(each: gateway_pb2.SessionHealth) -> Sequence[str]:
    session = each.session
    return (
        str(session.company_id),
        gateway_pb2.SessionState.Name(session.state).removeprefix("SESSION_STATE_"),
        f"{session.since_time.ToDatetime():%Y-%m-%d %H:%M}Z",
        session.phone_number or "-",
        f"{each.last_inbound_age.seconds} s ago" if each.HasField("last_inbound_age") else "never",
        f"{each.sends_succeeded}/{each.sends_finished}",
        session.holder or "-",
    )


def change_session(verb: str, company_id: int) -> int:
    """Calls StartSession, StopSession, Reconnect or Logout, and prints the state after it."""
    rpc = {"start": "StartSession", "stop": "StopSession", "reconnect": "Reconnect", "logout": "Logout"}[verb]

    async def call(gateway: Any) -> int:
        request = getattr(gateway_pb2, f"{rpc}Request")(company_id=company_id)
        session = (await getattr(gateway, rpc)(request, timeout=OPERATOR_SECONDS)).session
        state = gateway_pb2.SessionState.Name(session.state).removeprefix("SESSION_STATE_")
        _console.print(f"{state} ({session.reason}) {session.action}".rstrip())
        return 0

    return with_gateway(call)


def slots(company_id: int, service: str, first_date: str, last_date: str) -> int:
    """Prints the free slots of a service, given by id or by name, within local dates."""

    async def call(booking: Any) -> int:
        catalogue = await booking.ListServices(booking_pb2.ListServicesRequest(company_id=company_id))
        staff = await booking.ListStaff(booking_pb2.ListStaffRequest(company_id=company_id))
        chosen = _service_called(service, catalogue.services)
        if chosen is None:
            offered = ", ".join(f"{each.service_id} {each.name}" for each in catalogue.services)
            return refuse("slots", f"company {company_id} has no service {service!r}; it offers {offered}.")
        answer = await booking.FindSlots(
            booking_pb2.FindSlotsRequest(
                company_id=company_id,
                segments=[booking_pb2.Segment(service_id=chosen.service_id)],
                dates=booking_pb2.DateRange(first_date=first_date, last_date=last_date),
            )
        )
        _print_slots(answer, {each.staff_id: each.name for each in staff.staff}, chosen.name)
        return 0

    return _with_booking(call)


def _service_called(wanted: str, services: Sequence[booking_pb2.Service]) -> booking_pb2.Service | None:
    folded = wanted.casefold()
    for each in services:
        names = {str(each.service_id), each.name, *each.localized_names.values(), *each.aliases}
        if folded in {name.casefold() for name in names}:
            return each
    return None


def _print_slots(answer: booking_pb2.FindSlotsResponse, names: dict[int, str], service: str) -> None:
    table = Table("start", "staff", "price", title=f"{service}, {answer.time_zone}")
    for slot in answer.slots:
        staff = ", ".join(names.get(each, str(each)) for each in slot.segments[0].available_staff_ids)
        table.add_row(slot.local_start[:16].replace("T", " "), staff, _money(slot.price))
    _console.print(table)
    if not answer.slots:
        reason = booking_pb2.NoSlotsReason.Name(answer.no_slots_reason).removeprefix("NO_SLOTS_REASON_")
        nearest = ", ".join(each.local_start[:16].replace("T", " ") for each in answer.suggested_slots)
        _console.print(f"No slots: {reason}. Nearest: {nearest or 'none'}")


def _money(price: Any) -> str:
    cents = price.nanos // 10_000_000
    return f"{price.units}.{cents:02} {price.currency_code}"


def with_gateway(call: Callable[[Any], Awaitable[int]]) -> int:
    """Makes a call of the gateway, or prints why it was refused; returns the exit code."""
    return connected(Service("gateway", GATEWAY, gateway_pb2_grpc.GatewayStub, settings.ClientSettings), call)


def _with_booking(call: Callable[[Any], Awaitable[int]]) -> int:
    return connected(Service("booking", BOOKING, booking_pb2_grpc.BookingStub, settings.ClientSettings), call)
