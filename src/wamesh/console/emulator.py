"""`wamesh emulator ...`: the commands that drive a running emulator, for a person and for scripts.

Owns: names, options and help. What they do is imported when one of them runs, so that --help is quick.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Group, Parameter, validators

DRIVE = Group("Drive a running one (WAMESH_EMULATOR_TARGET, 127.0.0.1:50053)", sort_key=1)

app = App(
    name="emulator",
    help="""Run an emulator of WhatsApp for development and tests, or drive a running one.

    Without a command it serves: the control service (gRPC, 127.0.0.1:50053), and WhatsApp's protocol for unmodified
    clients (127.0.0.1:50054). Numbers are E.164 with +. See docs/emulator.md.
    """,
)

Flag = Parameter(negative="")
Seconds = Annotated[float | None, Parameter(validator=validators.Number(gt=0))]
AtLeastZero = Parameter(validator=validators.Number(gte=0))


@app.command(group=DRIVE)
def accounts() -> int:
    """List accounts: number, hidden id, name, linked devices."""
    from wamesh.console import emulator_calls

    return emulator_calls.accounts()


@app.command(group=DRIVE)
def add(phone: str, *, name: str = "") -> int:
    """Make an account, or rename one.

    Parameters
    ----------
    name
        The name that customers see.
    """
    from wamesh.console import emulator_calls

    return emulator_calls.add(phone, name)


@app.command(group=DRIVE)
def scan(phone: str, code: str, *, refuse: Annotated[bool, Flag] = False) -> int:
    """Scan a QR code with the account's phone: link the client that shows it.

    Parameters
    ----------
    code
        The text in the QR code.
    refuse
        The owner declines instead.
    """
    from wamesh.console import emulator_calls

    return emulator_calls.scan(phone, code, refused=refuse)


@app.command(group=DRIVE)
def code(phone: str, pair_code: str) -> int:
    """Type a pair code, such as ABCD-1234, on the account's phone."""
    from wamesh.console import emulator_calls

    return emulator_calls.enter_code(phone, pair_code)


@app.command(group=DRIVE)
def say(customer: str, account: str, text: str, *, name: str = "") -> int:
    """Write a text to an account as a customer; prints the message's id.

    Parameters
    ----------
    name
        The name that the customer shows.
    """
    from wamesh.console import emulator_calls

    return emulator_calls.say(customer, account, text, name)


@app.command(group=DRIVE)
def send(customer: str, account: str, file: Path, *, caption: str = "", name: str = "") -> int:
    """Send a file as a customer: a picture as a picture, everything else as a document; prints the message's id.

    Parameters
    ----------
    caption
        Words under it.
    name
        The name that the customer shows.
    """
    from wamesh.console import emulator_calls

    return emulator_calls.send(customer, account, file, caption, name)


@app.command(group=DRIVE)
def read(customer: str, account: str) -> int:
    """Open the chat on the customer's phone: the account gets its read receipts."""
    from wamesh.console import emulator_calls

    return emulator_calls.read(customer, account)


@app.command(name="type", group=DRIVE)
def type_(customer: str, account: str, *, stop: Annotated[bool, Flag] = False) -> int:
    """Type in the chat as a customer.

    Parameters
    ----------
    stop
        Stop typing instead.
    """
    from wamesh.console import emulator_calls

    return emulator_calls.type_(customer, account, typing=not stop)


@app.command(group=DRIVE)
def watch(
    customer: str,
    *,
    count: Annotated[int | None, Parameter(validator=validators.Number(gt=0))] = None,
    json: Annotated[bool, Flag] = False,
) -> int:
    """Show what reaches the customer's phone, from its first message on, until Ctrl-C.

    Parameters
    ----------
    count
        End after so many messages.
    json
        A JSON object a line.
    """
    from wamesh.console import emulator_calls

    return emulator_calls.watch(customer, count, as_json=json)


@app.command(group=DRIVE)
def events(
    *,
    kind: Annotated[list[str] | None, Flag] = None,
    account: str = "",
    customer: str = "",
    follow: Annotated[bool, Flag] = False,
    json: Annotated[bool, Flag] = False,
) -> int:
    """Show the log of everything that the emulator saw.

    Parameters
    ----------
    kind
        Only this kind, such as message-sent or logged-in. Repeat it for more.
    account
        Only this account.
    customer
        Only this customer.
    follow
        Go on with what happens next, until Ctrl-C.
    json
        A JSON object a line.
    """
    from wamesh.console import emulator_calls

    return emulator_calls.events(kind or [], account, customer, follow=follow, as_json=json)


@app.command(group=DRIVE)
def fault(
    account: str,
    kind: str,
    *,
    count: Annotated[int, AtLeastZero] = 0,
    code: Annotated[int, AtLeastZero] = 0,
    delay: Seconds = None,
    ban: Seconds = None,
    ban_code: Annotated[int, AtLeastZero] = 0,
) -> int:
    """Make something go wrong for an account.

    Parameters
    ----------
    kind
        What, such as drop-connection, replaced or refuse-login; a wrong one prints all.
    count
        How many times an armed fault strikes; 0 means until `clear`.
    code
        WhatsApp's code, for refuse-login, reject-send and stream-error.
    delay
        Seconds, for delay-ack, slow-link and second-login.
    ban
        Seconds that a ban lasts (refuse-login with code 402).
    ban_code
        WhatsApp's cause of the ban, such as 101.
    """
    from wamesh.console import emulator_calls

    return emulator_calls.fault(
        account, kind, count=count, code=code, delay=_span(delay), ban=_span(ban), ban_code=ban_code
    )


@app.command(group=DRIVE)
def clear(account: str) -> int:
    """Disarm every fault of an account."""
    from wamesh.console import emulator_calls

    return emulator_calls.clear(account)


@app.command(group=DRIVE)
def trust(*, out: Path | None = None) -> int:
    """Write the emulator's certificate authority, and print a client's environment: eval "$(wamesh emulator trust)".

    WHATSAPP_ROOT_PUBLIC_KEY (hex) is for the client's code, which must believe it instead of WhatsApp's own.

    Parameters
    ----------
    out
        The directory for the certificate; the data directory by default.
    """
    from wamesh.console import emulator_calls

    return emulator_calls.trust(out)


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
