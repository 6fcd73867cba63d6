"""`wamesh seed` and `wamesh catalogue export` as a user meets them."""

from pathlib import Path

import pytest

from wamesh.booking.catalogue.file import parse_catalogue, read_catalogue
from wamesh.console.seed import DEMO_SALON, run_export, run_seed


@pytest.fixture
def salon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the demo salon's file, and an empty data directory."""
    monkeypatch.setenv("WAMESH_DATA_DIRECTORY", str(tmp_path / "data"))
    file = tmp_path / "salon.yaml"
    file.write_text(DEMO_SALON.read_text(encoding="utf-8"), encoding="utf-8")
    return file


def rewrite(file: Path, old: str, new: str) -> None:
    """Changes a text of the file."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_salon_is_loaded_and_changed(salon: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """New without a list of everything, then unchanged, then each change on a line."""
    assert (run_seed(salon), capsys.readouterr().out) == (0, "Company 1, Salon Aurora: loaded.\n")
    assert (run_seed(salon), capsys.readouterr().out) == (0, "Company 1, Salon Aurora: unchanged.\n")
    rewrite(salon, "price: 35\n", "price: 38\n")
    rewrite(salon, "    buffer_before_minutes: 5 ", "    # buffer_before_minutes: 5 ")
    assert run_seed(salon) == 0
    assert capsys.readouterr().out == (
        "  services[id 1].price: 35 -> 38\n"
        "  services[id 4].buffer_before_minutes: 5 -> (none)\n"
        "Company 1, Salon Aurora: 2 changes, loaded.\n"
    )


def test_a_dry_run_only_shows(salon: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 when anything would change; the next run finds the same."""
    assert (run_seed(salon, dry_run=True), capsys.readouterr().out) == (
        1,
        "Company 1, Salon Aurora: new, not loaded.\n",
    )
    run_seed(salon)
    rewrite(salon, "price: 35\n", "price: 38\n")
    capsys.readouterr()
    shown = "  services[id 1].price: 35 -> 38\nCompany 1, Salon Aurora: 1 change, not loaded.\n"
    for _ in range(2):
        assert (run_seed(salon, dry_run=True), capsys.readouterr().out) == (1, shown)
    run_seed(salon)
    assert run_seed(salon, dry_run=True) == 0


def test_a_mistake_is_told_with_its_place(salon: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one line a mistake, nothing loaded."""
    rewrite(salon, "price: 35\n", "price: cheap\n")
    assert run_seed(salon) == 2
    line = f'wamesh seed: {salon}: services[id 1].price: "cheap" is not a price; write an amount such as 35.50\n'
    assert capsys.readouterr().err == line
    assert run_export(1) == 2


def test_what_is_exported_can_be_loaded(salon: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the same catalogue, and changes nothing."""
    run_seed(salon)
    capsys.readouterr()
    assert run_export(1) == 0
    exported = capsys.readouterr().out
    assert parse_catalogue(exported) == read_catalogue(salon)
    salon.write_text(exported, encoding="utf-8")
    assert (run_seed(salon), capsys.readouterr().out) == (0, "Company 1, Salon Aurora: unchanged.\n")


def test_a_company_that_is_not_there_cannot_be_exported(salon: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one line."""
    assert run_export(77) == 2
    assert capsys.readouterr().err == "wamesh catalogue export: company 77 does not exist.\n"
