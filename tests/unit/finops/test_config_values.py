"""What the loader makes of well-formed files: exact numbers, YAML 1.2, the example configuration, its tables."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from finops.config import load_configuration, load_mapping
from finops.config.document import read_document
from finops.config.tables import COLUMNS, DESCRIPTIONS, write_tables
from finops.config.usage_sources import AzureMonitorSource
from finops.tokens import TokenClass
from tests.support.small_config import write_small_config

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)


def data_of(tmp_path: Path, text: str) -> object:
    path = tmp_path / "file.yml"
    path.write_text(text, encoding="utf-8")
    return read_document(path).data


@pytest.mark.ids("COST-2")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Decimal("0.1")),
        ("1234567890.123456789012", Decimal("1234567890.123456789012")),
        ("-.5", Decimal("-0.5")),
        ("1e-7", Decimal("0.0000001")),
        ("010", 10),
        ("-12", -12),
        ("off", "off"),
        ("NO", "NO"),
        ("yes", "yes"),
        ("true", True),
        ("2026-10-20", "2026-10-20"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("~", None),
        ('"5"', "5"),
    ],
)
def test_plain_values_are_read_by_yaml_1_2_and_exactly(tmp_path: Path, text: str, value: object) -> None:
    data = data_of(tmp_path, f"key: {text}\n")
    assert data == {"key": value}
    assert type(data["key"]) is type(value)  # type: ignore[index]


def test_anchors_and_merges_work_and_are_no_duplicates(tmp_path: Path) -> None:
    data = data_of(tmp_path, "base: &base {a: 1, b: 2}\nmore:\n  <<: *base\n  b: 3\n")
    assert data == {"base": {"a": 1, "b": 2}, "more": {"a": 1, "b": 3}}


@pytest.mark.ids("COST-2", "GUARD-3", "FCST-1")
def test_values_reach_the_models_exactly(tmp_path: Path) -> None:
    folder = write_small_config(tmp_path / "config")
    for name, old, new in [
        ("budgets.yml", "amount: 95000", "amount: 1234567890.123456789012"),
        ("guardrails.yml", "mode: dry_run", "mode: off"),
        ("events.yml", "holidays: [US]", "holidays: [NO, US]"),
    ]:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    config = load_configuration(folder)
    assert config.budgets.budgets[0].amount == Decimal("1234567890.123456789012")
    assert config.guardrails.policies[0].mode == "off"
    assert config.events.holidays == ["NO", "US"]
    assert config.events.events[0].starts_on == date(2026, 9, 14)


@pytest.mark.ids("ING-2", "ALLOC-2", "GUARD-3")
def test_the_example_configuration_is_valid_and_starts_harmless(project_dir: Path) -> None:
    config = load_configuration(project_dir / "config")
    assert {policy.mode for policy in config.guardrails.policies} == {"dry_run"}
    [monitor] = [source for source in config.sources.sources if isinstance(source, AzureMonitorSource)]
    assert len(monitor.resources) == 4
    assert all(price.per_1m_tokens[TokenClass.INPUT_UNCACHED] > 0 for price in config.prices.models)
    mapping = load_mapping(project_dir / "config" / "examples" / "usage-mapping.yml")
    assert mapping.columns["usage_at"] == "timestamp"


@pytest.fixture
def tables(tmp_path: Path, project_dir: Path) -> Path:
    write_tables(load_configuration(project_dir / "config"), tmp_path / "tables", AS_OF)
    return tmp_path / "tables"


@pytest.mark.ids("COST-2", "BUD-1")
def test_tables_are_read_by_duckdb_with_their_declared_types(tables: Path) -> None:
    assert set(DESCRIPTIONS) == set(COLUMNS) == {path.stem for path in tables.iterdir()}
    for table, columns in COLUMNS.items():
        types = {name: kind.replace("text", "varchar") for name, kind in columns.items()}
        relation = duckdb.sql(f"from read_json('{tables / table}.jsonl', format='newline_delimited', columns={types})")
        assert relation.columns == list(columns)
        # The example has no bill that has to be told how to be read.
        assert bool(relation.fetchall()) == (table != "focus_source"), table


@pytest.mark.ids("COST-2")
def test_prices_have_every_name_every_class_and_their_end(tmp_path: Path) -> None:
    folder = write_small_config(tmp_path / "config")
    (folder / "prices.yml").write_text(
        "models:\n"
        "  - {provider: p, model: m, aliases: [m-2026], valid_from: 2026-01-01, "
        "per_1m_tokens: {input_uncached: 2, cache_read: 0.0000001, output: 8}, source: list}\n"
        "  - {provider: p, model: m, valid_from: 2026-07-01, per_1m_tokens: {input_uncached: 1.6}, source: list}\n",
        encoding="utf-8",
    )
    counts = write_tables(load_configuration(folder), tmp_path / "tables", AS_OF)
    lines = (tmp_path / "tables" / "model_price.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert counts["model_price"] == len(rows) == 2 * 6 + 4
    old = {r["token_class"]: r for r in rows if r["model_name"] == "m-2026"}
    assert {name: row["price_per_1m_tokens"] for name, row in old.items()} == {
        "input_uncached": "2",
        "cache_read": "0.0000001",
        "cache_write_5m": "2",
        "cache_write_1h": "2",
        "output": "8",
        "reasoning": "8",
    }
    assert {row["valid_to"] for row in old.values()} == {"2026-07-01"}
    new = [row for row in rows if row["valid_from"] == "2026-07-01"]
    assert {row["token_class"] for row in new} == {"input_uncached", "cache_read", "cache_write_5m", "cache_write_1h"}
    assert {row["valid_to"] for row in new} == {None}


@pytest.mark.ids("COST-5")
def test_the_moment_of_the_report_is_a_setting_in_utc(tables: Path, project_dir: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (tables / "setting.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {"name": "as_of", "value": "2026-10-20 06:00:00"} in rows
    with pytest.raises(ValueError, match="has no time zone"):
        write_tables(load_configuration(project_dir / "config"), tmp_path, datetime(2026, 10, 20))  # noqa: DTZ001


@pytest.mark.ids("ING-9")
def test_a_tag_rule_has_one_row_per_key_in_order(tables: Path) -> None:
    rows = [json.loads(line) for line in (tables / "tag_rule.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["tag_key"] for row in rows if row["rule_id"] == "team-tag"] == ["team", "owner_team", "org"]
    assert [row["priority"] for row in rows] == list(range(1, len(rows) + 1))
