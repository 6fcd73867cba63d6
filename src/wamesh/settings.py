"""Typed settings of every process, from the environment (`WAMESH_*`) or a TOML file, in this order of precedence.

The file is `wamesh.toml` in the working directory, or the one that `WAMESH_CONFIG` names; its keys are the field names
below. A wrong value ends the start with one line that names the variable, the value and what would be right.
"""

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from wamesh.logs import LogFormat

PREFIX: Final = "WAMESH_"
S = TypeVar("S", bound="ProcessSettings")


class WrongSetting(Exception):
    """One line for each setting that is wrong: which, what it is, what would be right."""


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be host:port, such as 127.0.0.1:50051")
    return value


def _optional_address(value: str) -> str:
    return _host_and_port(value) if value else value


def _database_url(value: str) -> str:
    if value and not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("must be empty for SQLite files, or postgresql://user:password@host:port/name")
    return value


def _host_names(value: Any) -> Any:
    return [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value


def _only_names(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(r"\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", each) for each in value):
        raise ValueError("must be host names without scheme and port, comma-separated, such as api.example.com, or *")
    return value


Address = Annotated[str, AfterValidator(_host_and_port)]
OptionalAddress = Annotated[str, AfterValidator(_optional_address)]
HostNames = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_host_names), AfterValidator(_only_names)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Transport = Literal["neonize", "emulator", "memory"]


class ProcessSettings(BaseSettings):
    """What every process of the mesh is told."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", env_ignore_empty=True, frozen=True)

    data_directory: Path = Path("wamesh-data")
    """Where SQLite files, device stores and spools live; made when missing."""
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(default="", repr=False)
    """A PostgreSQL URL; empty means one SQLite file a room in the data directory."""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(lambda value: str(value).lower())
    ] = "info"
    log_format: LogFormat = "console"
    drain_seconds: Seconds = 10.0
    """How long a stop waits for running calls."""

    def room_database_url(self, room: Literal["gateway", "booking", "worker"]) -> str:
        """The database URL of a room: the PostgreSQL that all share, or the room's own SQLite file."""
        return self.database_url or f"sqlite:///{self.data_directory.absolute() / room}.db"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments of the command line first, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config_file())


class EmulatorClientSettings(ProcessSettings):
    """What the clients of `wamesh emulator` are told."""

    emulator_target: Address = "127.0.0.1:50053"
    """Its control service."""


class GatewaySettings(EmulatorClientSettings):
    """`wamesh gateway`."""

    gateway_address: Address = "127.0.0.1:50051"
    gateway_advertised_address: OptionalAddress = ""
    """Where the other gateways on the same PostgreSQL forward calls to; empty means `gateway_address`, by the machine's
    name when that is all interfaces.
    """
    transport: Transport = "neonize"
    """`neonize` speaks to WhatsApp; `emulator` is the same, led to `wamesh emulator`; `memory` is its light network."""
    lease_seconds: Seconds = 15.0
    lease_renew_seconds: Seconds = 5.0
    lock_wait_seconds: Annotated[float, Field(ge=0, le=600)] = 5.0
    """How long a start waits for another gateway on the same data directory to end."""
    doubt_seconds: Seconds = 60.0
    """How long a receipt may still prove a send that something interrupted; then it is UNKNOWN."""
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 90
    """How long messages are kept that nobody waits for any more, and the request ids of sent ones; 0 means for ever."""
    event_retention_days: Annotated[int, Field(ge=0, le=36_500)] = 7
    """How long WatchEvents can look back; 0 means for ever."""

    pacing_gap_seconds: Annotated[float, Field(ge=0, le=3600)] | None = None
    """A number sends one message each gap in the long run; 0 for no limit. Unset: 1 with `neonize`, else 0."""
    pacing_burst: Annotated[int, Field(ge=1, le=10_000)] = 20
    """So many messages may go at once after a pause."""
    first_contacts_a_day: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Chats to which a number writes first, in 24 hours; 0 for no limit. Unset: 50 with `neonize`, else 0."""

    @model_validator(mode="after")
    def _renewed_in_time(self) -> Self:
        if self.lease_renew_seconds * 2 > self.lease_seconds:
            raise ValueError("lease_renew_seconds must be at most half of lease_seconds, so that one miss is survived")
        return self


class BookingSettings(ProcessSettings):
    """`wamesh booking`."""

    booking_address: Address = "127.0.0.1:50052"


class ClientSettings(ProcessSettings):
    """What the processes that are gRPC clients of both services are told."""

    gateway_target: Address = "127.0.0.1:50051"
    booking_target: Address = "127.0.0.1:50052"


class ApiSettings(ClientSettings):
    """`wamesh api`."""

    api_address: Address = "127.0.0.1:8080"
    api_timeout_seconds: Seconds = 10.0
    """Deadline of an rpc made for an HTTP request."""
    api_allowed_hosts: HostNames = ()
    """Names in a request's Host that are answered beside localhost, IP addresses and the host of `api_address`."""


class WorkerSettings(ClientSettings):
    """`wamesh worker`."""

    worker_address: OptionalAddress = ""
    """Where it answers health probes; empty for nowhere, so that many workers fit on one machine."""
    worker_subscription: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")] = "worker"
    worker_max_conversations: Annotated[int, Field(ge=1, le=1000)] = 16
    worker_quiet_seconds: Annotated[float, Field(ge=0, le=60)] = 3.0
    """A customer who types several short lines is answered once, after so long a silence."""


class EmulatorSettings(ProcessSettings):
    """`wamesh emulator`."""

    emulator_address: Address = "127.0.0.1:50053"
    """Where it is driven from: gRPC, loopback only."""
    emulator_wire_address: Address = "127.0.0.1:50054"
    """Where it speaks WhatsApp's protocol, loopback only."""
    transport: Transport = "emulator"
    """`memory` serves the light network, without a wire of its own; the others serve WhatsApp's protocol."""
    emulator_forget: bool = False
    """Keeps everything in memory instead of `emulator.db` in the data directory."""
    emulator_seed: int | None = None
    """Makes keys, ids and codes the same in every run; fit for nothing but tests."""


def config_file() -> Path:
    """The settings file; it need not exist unless WAMESH_CONFIG names it."""
    named = os.environ.get(f"{PREFIX}CONFIG")
    if named and not Path(named).is_file():
        raise WrongSetting(f"{PREFIX}CONFIG: there is no file {named}; name an existing one or unset the variable.")
    return Path(named or "wamesh.toml")


def load(settings: type[S], **arguments: Any) -> S:
    """Reads the settings of a process; arguments that are None count as not given. Raises WrongSetting."""
    _refuse_unknown_variables()
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        return settings(**given)
    except ValidationError as error:
        raise WrongSetting("\n".join(_sentence(each) for each in error.errors())) from None
    except ValueError as error:  # the file is not TOML
        raise WrongSetting(f"{config_file()}: {error}. Correct the file.") from None


def _refuse_unknown_variables() -> None:
    """A mistyped variable would be ignored in silence, so it is refused with the nearest right name."""
    known = {f"{PREFIX}{field}".upper() for kind in _all_settings() for field in kind.model_fields} | {
        f"{PREFIX}CONFIG"
    }
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "unset it."
            raise WrongSetting(f"{name} is not a setting of wamesh; {hint}")


def _all_settings(kind: type[ProcessSettings] = ProcessSettings) -> Iterator[type[ProcessSettings]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _all_settings(child)


def _sentence(error: Any) -> str:
    field = ".".join(str(part) for part in error["loc"])
    text = str(error["msg"]).removeprefix("Value error, ")
    if not field:
        return f"{text}."
    shown = "" if field == "database_url" else f"; it is {error['input']!r}"  # a URL may hold a password
    return f"{PREFIX}{field.upper()}: {text[0].lower()}{text[1:]}{shown}."
