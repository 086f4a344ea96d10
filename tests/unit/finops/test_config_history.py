"""The archive of configurations: kept once by content, found by moment, whole or not at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finops.config import history, load_configuration
from finops.config.tables import COLUMNS, KnownAt, write_tables
from tests.support.small_config import write_small_config


def at(day: int, hour: int = 6) -> datetime:
    return datetime(2026, 10, day, hour, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_small_config(tmp_path / "config")


def recorded(tmp_path: Path, config: Path, as_of: datetime, recorded_at: datetime) -> history.RecordedRun:
    tables = tmp_path / "tables"
    write_tables(load_configuration(config), tables, as_of)
    return history.record(tmp_path / "history", config, tables, as_of=as_of, recorded_at=recorded_at)


def budget(config: Path, amount: int) -> None:
    file = config / "budgets.yml"
    first, _, rest = file.read_text().partition("amount: ")
    file.write_text(f"{first}amount: {amount}{rest[rest.index('}') :]}")


@pytest.mark.ids("COST-5")
def test_equal_configurations_are_kept_once_and_every_run_is_listed(tmp_path: Path, config: Path) -> None:
    first = recorded(tmp_path, config, at(1), at(1))
    blobs = sorted((tmp_path / "history" / "blobs").iterdir())
    again = recorded(tmp_path, config, at(2), at(2))
    assert again.digest == first.digest, "the moment of a run is no part of its configuration"
    assert sorted((tmp_path / "history" / "blobs").iterdir()) == blobs
    budget(config, 1)
    changed = recorded(tmp_path, config, at(3), at(3))
    assert changed.digest != first.digest
    assert [run.digest for run in history.runs(tmp_path / "history")] == [first.digest, first.digest, changed.digest]


@pytest.mark.ids("COST-5")
def test_a_run_is_found_by_what_it_reported_on_or_by_when_it_ran(tmp_path: Path, config: Path) -> None:
    folder = tmp_path / "history"
    with pytest.raises(history.HistoryError, match="run the pipeline once"):
        history.find(folder, at(5), "delivered")
    recorded(tmp_path, config, at(5), at(6))
    budget(config, 1)
    # The fifth was reported again on the ninth, by other rules.
    recorded(tmp_path, config, at(5), at(9))
    delivered = history.find(folder, at(5), "delivered")
    assert (delivered.run.recorded_at, delivered.is_older) == (at(9), True)
    landed = history.find(folder, at(8), "landed")
    assert (landed.run.recorded_at, landed.is_older) == (at(6), True)
    too_early = history.find(folder, at(1), "landed")
    assert (too_early.run.recorded_at, too_early.is_older) == (at(6), False)


@pytest.mark.ids("COST-5")
def test_what_is_brought_back_is_what_was_kept(tmp_path: Path, config: Path) -> None:
    run = recorded(tmp_path, config, at(1), at(1))
    before = {path.name: path.read_bytes() for path in config.glob("*.yml")}
    kept = {path.name: path.read_bytes() for path in (tmp_path / "tables").glob("*.jsonl")}
    budget(config, 1)
    recorded(tmp_path, config, at(2), at(2))
    old_config, old_tables = tmp_path / "old-config", tmp_path / "old-tables"
    history.restore(tmp_path / "history", run, old_config)
    assert {path.name: path.read_bytes() for path in old_config.iterdir()} == before
    known = KnownAt(at(1), "delivered")
    write_tables(load_configuration(old_config), old_tables, at(1), known)
    assert history.restore_tables(tmp_path / "history", run, old_tables, at(1), known) == []
    for name in COLUMNS:
        content = (old_tables / f"{name}.jsonl").read_bytes()
        if name != "setting":
            assert content == kept[f"{name}.jsonl"], name
    lines = (old_tables / "setting.jsonl").read_text().splitlines()
    settings = {row["name"]: row["value"] for row in map(json.loads, lines)}
    assert settings["as_of"] == "2026-10-01 06:00:00"
    assert (settings["known_at"][:19], settings["known_basis"]) == ("2026-10-01 06:00:00", "delivered")


@pytest.mark.ids("COST-5", "ING-10")
def test_a_line_cut_short_by_a_crash_is_no_run_and_harms_none(tmp_path: Path, config: Path) -> None:
    first = recorded(tmp_path, config, at(1), at(1))
    file = tmp_path / "history" / history.RUNS_FILE
    with file.open("a") as runs:
        runs.write('{"recorded_at": "2026-10-0')
    second = recorded(tmp_path, config, at(2), at(2))
    assert history.runs(tmp_path / "history") == [first, second]


@pytest.mark.ids("COST-5", "SEC-3")
def test_a_changed_archive_is_refused(tmp_path: Path, config: Path) -> None:
    run = recorded(tmp_path, config, at(1), at(1))
    blob = next(path for path in (tmp_path / "history" / "blobs").iterdir() if b"budgets:" in path.read_bytes())
    blob.write_bytes(blob.read_bytes().replace(b"95000", b"96000"))
    with pytest.raises(history.HistoryError, match="was changed since it was recorded"):
        history.restore(tmp_path / "history", run, tmp_path / "old")
    blob.unlink()
    with pytest.raises(history.HistoryError, match="backup"):
        history.restore(tmp_path / "history", run, tmp_path / "older")
