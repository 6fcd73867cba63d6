"""Settings: typed, from environment and file, each wrong one named."""

from pathlib import Path

import pytest

from wamesh.settings import ApiSettings, GatewaySettings, WorkerSettings, WrongSetting, load


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("WAMESH_GATEWAY_ADDRESS", "50051", "WAMESH_GATEWAY_ADDRESS: must be host:port"),
        ("WAMESH_GATEWAY_ADDRESS", "localhost:99999", "WAMESH_GATEWAY_ADDRESS: must be host:port"),
        ("WAMESH_LEASE_SECONDS", "soon", "WAMESH_LEASE_SECONDS: input should be a valid number"),
        ("WAMESH_LEASE_SECONDS", "6", "lease_renew_seconds must be at most half of lease_seconds"),
        ("WAMESH_TRANSPORT", "pigeon", "should be 'neonize', 'emulator' or 'memory'; it is 'pigeon'"),
        ("WAMESH_DATABASE_URL", "mysql://u:secret@h/d", "WAMESH_DATABASE_URL: must be empty for SQLite files"),
        ("WAMESH_GATEWAY_ADRESS", "x", "did you mean WAMESH_GATEWAY_ADDRESS?"),
        ("WAMESH_CONFIG", "/nonexistent.toml", "WAMESH_CONFIG: there is no file /nonexistent.toml"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str) -> None:
    """The message names the variable and what would be right, and shows no secret."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(WrongSetting) as caught:
        load(GatewaySettings)
    assert expected in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Argument, environment, file, default: in this order."""
    config = tmp_path / "mesh.toml"
    config.write_text('worker_quiet_seconds = 1.5\nworker_max_conversations = 4\ngateway_target = "file:1"\n')
    monkeypatch.setenv("WAMESH_CONFIG", str(config))
    monkeypatch.setenv("WAMESH_WORKER_MAX_CONVERSATIONS", "8")
    settings = load(WorkerSettings, gateway_target="argument:1")
    assert settings.worker_quiet_seconds == 1.5
    assert settings.worker_max_conversations == 8
    assert settings.gateway_target == "argument:1"
    assert settings.booking_target == "127.0.0.1:50052"


def test_each_room_has_its_own_sqlite_file(tmp_path: Path) -> None:
    """Without a PostgreSQL URL a room's database is a file named after it."""
    settings = load(WorkerSettings, data_directory=tmp_path)
    assert settings.room_database_url("worker") == f"sqlite:///{tmp_path}/worker.db"


def test_host_names_come_as_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comma-separated in the environment; a URL is no host name."""
    monkeypatch.setenv("WAMESH_API_ALLOWED_HOSTS", "api.example.com, mesh ,")
    assert load(ApiSettings).api_allowed_hosts == ("api.example.com", "mesh")
    monkeypatch.setenv("WAMESH_API_ALLOWED_HOSTS", "http://api.example.com")
    with pytest.raises(WrongSetting, match="WAMESH_API_ALLOWED_HOSTS: must be host names without scheme and port"):
        load(ApiSettings)
