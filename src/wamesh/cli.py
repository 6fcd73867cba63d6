"""`wamesh`: the typed command line. Each command imports what it needs when it runs, so that --help is quick."""

import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Group, Parameter, validators

from wamesh.console.calendar import app as calendar_app
from wamesh.console.emulator import app as emulator_app

RUN = Group("Run the mesh", sort_key=1)
ASK = Group("Ask a running mesh", sort_key=2)
PROCESSES = Group("Its single processes", sort_key=3)

app = App(
    name="wamesh",
    help="""A gRPC mesh for booking assistants on WhatsApp.

    First steps: `wamesh demo` shows a customer's message answered, without a phone. Then copy the demo salon,
    `wamesh seed my-salon.yaml`, start everything with `wamesh up`, and link your number with `wamesh pair 1`.

    Settings come from the environment or wamesh.toml: see docs/operations.md.
    """,
    version_flags=["--version"],
)

emulator_app.group = (PROCESSES,)
app.command(emulator_app)
catalogue_app = App(name="catalogue", help="What companies offer, who does it and when.", group=(RUN,))
app.command(catalogue_app)
calendar_app.group = (ASK,)
app.command(calendar_app)

# Read by gRPC's C core when it loads. Its fork handlers crash about one in forty children between fork and exec under
# uvloop (grpcio 1.85, measured), and nobody here uses gRPC in a forked process; what it logs our own errors say better.
GRPC_ENVIRONMENT = {"GRPC_ENABLE_FORK_SUPPORT": "0", "GRPC_VERBOSITY": "NONE"}

Transport = Literal["neonize", "emulator", "memory"]
CompanyId = Annotated[int, Parameter(validator=validators.Number(gt=0))]
Hidden = Parameter(show=False, negative="")


@app.command(group=RUN)
def up(*, transport: Transport | None = None) -> int:
    """Run all processes in this terminal; Ctrl-C drains them.

    Parameters
    ----------
    transport
        neonize speaks to WhatsApp. On a simulated WhatsApp, which is then started too: emulator is the same client
        against an emulator of the protocol, memory a light network without a client.
    """
    from wamesh.console.up import run_up

    return run_up(transport)


@app.command(group=RUN)
def demo(
    *,
    say: Annotated[list[str] | None, Parameter(negative="")] = None,
    transport: Literal["neonize", "memory"] = "neonize",
) -> int:
    """Run the mesh with a demo salon on a simulated WhatsApp, and chat with it as a customer.

    Parameters
    ----------
    say
        Say this instead of chatting, print the reply and exit. Repeat it for a whole conversation.
    transport
        neonize is the real client library, here against an emulator of WhatsApp: no phone is needed and nothing leaves
        this machine. memory is a light network without it, which starts quicker.
    """
    from wamesh.console.demo import run_demo

    return run_demo(say or [], "emulator" if transport == "neonize" else "memory")


@app.command(group=RUN)
def seed(file: Path | None = None, *, dry_run: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Load a salon from a YAML file into the booking database; without a file, print one to start from.

    Parameters
    ----------
    file
        The salon. Loading it again changes nothing. Loading a changed file shows each change; what the file no longer
        names is archived, bookings stay.
    dry_run
        Only show what would change; exit code 1 when anything would.
    """
    from wamesh.console.seed import print_example, run_seed

    return print_example() if file is None else run_seed(file, dry_run=dry_run)


@catalogue_app.command
def export(company_id: CompanyId) -> int:
    """Print a company's catalogue as a file that `wamesh seed` loads.

    Parameters
    ----------
    company_id
        The company; what is archived is in the file too.
    """
    from wamesh.console.seed import run_export

    return run_export(company_id)


@app.command(group=ASK)
def pair(company_id: CompanyId, *, phone: str = "", text: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Link a WhatsApp number to a company: shows QR codes until one is scanned.

    Parameters
    ----------
    company_id
        The company; the gateway registers it when it is new.
    phone
        The number in E.164, to type a pair code on that phone instead of scanning.
    text
        Print the text of each QR code instead of drawing it, as `wamesh emulator scan` takes it.
    """
    from wamesh.console import operator

    return operator.pair(company_id, phone, as_text=text)


@app.command(group=ASK)
def send(company_id: CompanyId, phone: str, text: str, *, request_id: str | None = None) -> int:
    """Send one text to a customer's number (E.164, with +).

    Parameters
    ----------
    request_id
        Makes the send idempotent: the same id and text is sent once. A new one each time by default.
    """
    from wamesh.console import operator

    return operator.send(company_id, phone, text, request_id)


@app.command(group=ASK)
def health(company_id: CompanyId | None = None) -> int:
    """Show the recorded health of one session, or of all; exit code 1 unless all are connected."""
    from wamesh.console import operator

    return operator.health(company_id)


@app.command(group=ASK)
def session(verb: Literal["start", "stop", "reconnect", "logout"], company_id: CompanyId) -> int:
    """Start, stop, reconnect or log out a company's session."""
    from wamesh.console import operator

    return operator.change_session(verb, company_id)


@app.command(group=ASK)
def subscriptions() -> int:
    """Show how far behind each subscription to customers' messages is; exit code 1 when one has dead letters."""
    from wamesh.console import flow

    return flow.subscriptions()


@app.command(group=ASK)
def dead_letters(
    subscription: str,
    *,
    company_id: Annotated[CompanyId | None, Parameter(name="--company")] = None,
    replay: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Show the messages that a subscription gave up on.

    Parameters
    ----------
    company_id
        Only of this company.
    replay
        Have them delivered again instead.
    """
    from wamesh.console import flow

    return flow.dead_letters(subscription, company_id, replay=replay)


@app.command(group=ASK)
def watch(company_id: CompanyId | None = None, *, after: str = "") -> int:
    """Show each change of a session or an outgoing message as it happens, until Ctrl-C.

    Parameters
    ----------
    after
        A cursor, as each line shows it: begin after that event instead of now.
    """
    from wamesh.console import flow

    return flow.watch(company_id, after)


@app.command(group=ASK)
def slots(company_id: CompanyId, service: str, *, first: date | None = None, last: date | None = None) -> int:
    """Show the free slots of a service, by its id or name.

    Parameters
    ----------
    first
        First local date, such as 2026-11-27; today by default.
    last
        Last local date, inclusive; the first by default.
    """
    from wamesh.console import operator

    begin = first or date.today()
    return operator.slots(company_id, service, begin.isoformat(), (last or begin).isoformat())


@app.command(group=PROCESSES)
def gateway(
    *,
    address: str | None = None,
    transport: Transport | None = None,
    data: Path | None = None,
    stop_with_parent: Annotated[bool, Hidden] = False,
) -> int:
    """Run the gateway: the only holder of WhatsApp sessions (gRPC, 127.0.0.1:50051)."""
    return _process("gateway", stop_with_parent, gateway_address=address, transport=transport, data_directory=data)


@app.command(group=PROCESSES)
def booking(
    *, address: str | None = None, data: Path | None = None, stop_with_parent: Annotated[bool, Hidden] = False
) -> int:
    """Run the booking service: calendars, slots and bookings (gRPC, 127.0.0.1:50052)."""
    return _process("booking", stop_with_parent, booking_address=address, data_directory=data)


@app.command(group=PROCESSES)
def api(*, address: str | None = None, stop_with_parent: Annotated[bool, Hidden] = False) -> int:
    """Run the REST edge over both services (HTTP, 127.0.0.1:8080)."""
    return _process("api", stop_with_parent, api_address=address)


@app.command(group=PROCESSES)
def worker(*, data: Path | None = None, stop_with_parent: Annotated[bool, Hidden] = False) -> int:
    """Run a worker: reads customers' messages, finds and books slots, answers."""
    return _process("worker", stop_with_parent, data_directory=data)


@emulator_app.default
def emulator(
    *,
    address: str | None = None,
    wire: str | None = None,
    data: Path | None = None,
    transport: Literal["emulator", "memory"] | None = None,
    forget: Annotated[bool, Parameter(negative="")] = False,
    seed: int | None = None,
    stop_with_parent: Annotated[bool, Hidden] = False,
) -> int:
    """Run the emulator of WhatsApp for development and tests.

    Parameters
    ----------
    address
        Where it is driven from (gRPC); loopback only.
    wire
        Where it speaks WhatsApp's protocol; loopback only.
    data
        The directory of emulator.db, which holds accounts, devices and messages over a restart.
    transport
        memory serves the light network, without the protocol; emulator is the default.
    forget
        Keep everything in memory.
    seed
        Make keys, ids and codes the same in every run.
    """
    return _process(
        "emulator",
        stop_with_parent,
        emulator_address=address,
        emulator_wire_address=wire,
        data_directory=data,
        transport=transport,
        emulator_forget=forget or None,
        emulator_seed=seed,
    )


def _process(name: str, stop_with_parent: bool, **arguments: object) -> int:
    from wamesh import settings
    from wamesh.console import process

    if stop_with_parent:
        process.stop_with_parent()
    kind: type[settings.ProcessSettings] = getattr(settings, f"{name.capitalize()}Settings")
    return process.run_process(name, kind, **arguments)


def main() -> None:
    """The entry point of the `wamesh` script."""
    os.environ.update(GRPC_ENVIRONMENT)
    sys.exit(app())
