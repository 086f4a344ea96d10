"""A corrected price: history priced again by the command, checked as an auditor would, against prices times tokens."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from finops.paths import PROJECT_DIR, Home
from tests.support.lake_builder import CONFIG_FILES, LakeBuilder, charge, publish_built, run_dbt, span, write_config
from tests.support.pipeline import mart_digests, query

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("reprice")]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
OLD, FOUND, NEWER = date(2026, 9, 20), date(2026, 10, 5), date(2026, 10, 12)
CORRECTED = """
  - {provider: azure.ai.openai, model: gpt-4.1, valid_from: 2026-10-01, source: corrected invoice of October,
     per_1m_tokens: {input_uncached: 2, cache_read: 0.4, output: 8.7654321}}
  - {provider: azure.ai.openai, model: mystery-1, valid_from: 2026-10-01, source: asked the vendor,
     per_1m_tokens: {input_uncached: 3, output: 9}}
  - {provider: azure.ai.openai, model: nobody-uses-it, valid_from: 2026-01-01, source: list,
     per_1m_tokens: {input_uncached: 1, output: 1}}
"""
# USD per 1M tokens by model, class and day, read from the two price lists by eye.
BEFORE = {
    ("gpt-4.1-2025-04-14", OLD): {"input_uncached": "2", "cache_read": "0.5", "output": "8"},
    ("gpt-4.1-2025-04-14", FOUND): {"input_uncached": "2", "cache_read": "0.5", "output": "8"},
    ("gpt-4.1-2025-04-14", NEWER): {"input_uncached": "1", "cache_read": "0.25", "output": "4"},
    ("mini", OLD): {"input_uncached": "0.25", "output": "2"},
    ("mini", FOUND): {"input_uncached": "0.25", "output": "2"},
    ("mini", NEWER): {"input_uncached": "0.25", "output": "2"},
}
AFTER = {
    **BEFORE,
    ("gpt-4.1-2025-04-14", FOUND): {"input_uncached": "2", "cache_read": "0.4", "output": "8.7654321"},
    ("mystery-1", FOUND): {"input_uncached": "3", "output": "9"},
    ("mystery-1", NEWER): {"input_uncached": "3", "output": "9"},
}
DIGIT = Decimal("0.000000000001")
OTHER_LIST = {
    "list_name": "another list", "list_provider": "azure", "provider_name": "azure.ai.openai", "model": "gpt-4.1",
    "model_order": 1, "model_pattern": "^gpt-4[.]1", "token_class": "output", "service_tier": "standard",
    "currency": "USD", "price_per_1m_tokens": "8",
}  # fmt: skip

Usage = tuple[datetime, str, str, int, Decimal | None, Decimal | None]
"""Hour, model as reported, class, tokens, price per 1M, cost."""


@dataclass(frozen=True)
class Audit:
    """What was published before the correction, after it, and after it was taken back."""

    home: Home
    before: list[Usage]
    after: list[Usage]
    digests: list[dict[str, str]]
    lake: tuple[str, str]
    outputs: list[str]
    record: list[dict[str, str]]
    explained: str
    differing: str
    folders: list[set[Path]]
    """Of dbt's files, before any run and after each."""


def _spans() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for day in (OLD, FOUND, NEWER):
        for hour in (3, 17):
            at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
            for model, provider, reported in (
                ("gpt-4.1-2025-04-14", "azure.ai.openai", "gpt-4.1-2025-04-14"),
                ("mini", "openai", "mini"),
                ("mystery-1", "azure.ai.openai", "mystery-1"),
            ):
                cached = 333 if model.startswith("gpt-4.1") else 0
                columns = {"request_model": model, "response_model": reported, "provider_name": provider}
                number = len(found) + 1
                found.append(
                    span(at, number, input_tokens=1000 + number, output_tokens=77, cache_read_tokens=cached, **columns)
                )
    return found


def _usage(home: Home) -> list[Usage]:
    return query(
        home,
        "select usage_hour, reported_model, token_class, tokens, price_per_1m_tokens, estimated_cost "
        "from {fct_usage_cost_hourly} where tokens > 0 order by all",
    )


def _lake_digest(home: Home) -> str:
    files = sorted(path for path in home.lake.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    folder = tmp_path_factory.mktemp("reprice")
    home, record = Home(folder / "home"), folder / "record.csv"
    lake = LakeBuilder(home)
    config = write_config(folder / "config")
    lake.configure(AS_OF, config)
    lake.snapshot("otel__genai_span", _spans(), scope="spans.jsonl")
    lake.snapshot("prices__model_price", [OTHER_LIST], scope="genai-prices")
    lake.snapshot("focus__cost_and_usage", [charge(FOUND, "12.34")], scope="export", period_start=date(2026, 10, 1))
    built = run_dbt(home, "run", "--quiet")
    assert built.returncode == 0, built.output
    publish_built(home, version="first")
    folders = [_dbt_folders(home)]
    before, digests, landed = _usage(home), [mart_digests(home)], _lake_digest(home)

    runner, outputs = CliRunner(env={"COLUMNS": "200"}), []
    for prices in (CONFIG_FILES["prices"] + CORRECTED.removeprefix("\n"), CONFIG_FILES["prices"]):
        (config / "prices.yml").write_text(prices, encoding="utf-8")
        done = runner.invoke(app, ["reprice", "--home", str(home.path), "--config", str(config), "--out", str(record)])
        assert done.exit_code == 0, done.output
        outputs.append(done.output)
        digests.append(mart_digests(home))
        folders.append(_dbt_folders(home))
        if len(outputs) == 1:
            after = _usage(home)
            with record.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            asked = ["prices", "explain", "gpt-4.1-2025-04-14", "--home", str(home.path), "--day", str(FOUND)]
            explained = runner.invoke(app, asked).output
            differing = runner.invoke(app, ["prices", "diff", "--home", str(home.path)]).output
    lakes = (landed, _lake_digest(home))
    return Audit(home, before, after, digests, lakes, outputs, rows, explained, differing, folders)


def _dbt_folders(home: Home) -> set[Path]:
    return {path for place in (home.dbt, PROJECT_DIR / "dbt_project" / "target") for path in place.glob("*/")}


def _expected(prices: dict[tuple[str, date], dict[str, str]], rows: list[Usage]) -> list[Usage]:
    """The same usage by the prices that the lists say, multiplied here."""
    expected: list[Usage] = []
    for hour, reported, token_class, tokens, *_ in rows:
        price = prices.get((reported, hour.date()), {}).get(token_class)
        amount = None if price is None else Decimal(price)
        cost = None if amount is None else (amount * tokens / 1_000_000).quantize(DIGIT, rounding=ROUND_HALF_UP)
        expected.append((hour, reported, token_class, tokens, amount, cost))
    return expected


@pytest.mark.ids("COST-2", "COST-3")
def test_history_is_priced_exactly_before_and_after(audit: Audit) -> None:
    assert len(audit.before) == 42
    assert audit.before == _expected(BEFORE, audit.before)
    assert audit.after == _expected(AFTER, audit.before)


@pytest.mark.ids("COST-2")
def test_only_what_the_correction_is_about_changed(audit: Audit) -> None:
    changed = {
        (new[1], new[0].date(), new[2]) for old, new in zip(audit.before, audit.after, strict=True) if old != new
    }
    assert changed == {
        ("gpt-4.1-2025-04-14", FOUND, "cache_read"),
        ("gpt-4.1-2025-04-14", FOUND, "output"),
        *(("mystery-1", day, name) for day in (FOUND, NEWER) for name in ("input_uncached", "output")),
    }
    assert audit.lake[0] == audit.lake[1], "facts are not touched"
    bill = {"fct_ai_cost_daily", "fct_reconciliation_daily", "fct_rejected_row"}
    first, corrected, _ = audit.digests
    assert {name: first[name] for name in bill} == {name: corrected[name] for name in bill}


@pytest.mark.ids("COST-2")
def test_the_record_explains_the_difference_to_the_last_digit(audit: Audit) -> None:
    def cost(rows: list[Usage]) -> Decimal:
        return sum((row[5] for row in rows if row[5] is not None), Decimal(0))

    difference = sum(Decimal(line["difference"]) for line in audit.record)
    assert difference == cost(audit.after) - cost(audit.before) != 0
    for line in audit.record:
        for moment in ("before", "after"):
            price = line[f"prices_{moment}"]
            expected = Decimal(price) * int(line[f"tokens_{moment}"]) / 1_000_000 if price else Decimal(0)
            # A line is two hours, and each is rounded to 12 digits.
            assert abs(Decimal(line[f"cost_{moment}"]) - expected) <= DIGIT, line
    moved = [line for line in audit.record if line["reported_model"].startswith("gpt-4.1")]
    assert [(line["usage_date"], line["token_class"], Decimal(line["prices_before"]), Decimal(line["prices_after"]))
            for line in moved if line["difference"] != "0.000000000000"] == [
        (str(FOUND), "cache_read", Decimal("0.5"), Decimal("0.4")),
        (str(FOUND), "output", Decimal(8), Decimal("8.7654321")),
    ]  # fmt: skip
    # Tokens that nobody had a price for leave the unpriced ones and come back priced; none appears or goes.
    unpriced = sum(int(line["tokens_before"]) for line in audit.record if not line["currency"])
    assert unpriced == sum(int(line["tokens_after"]) for line in audit.record if line["model"] == "mystery-1")
    assert unpriced > 4000


@pytest.mark.ids("OPS-1")
def test_runs_work_in_the_same_folders(audit: Audit) -> None:
    """Each used to leave one in the project: ten megabytes, with every run of every hour."""
    before, first, second = audit.folders
    assert first - before == {audit.home.dbt / "cost_model", audit.home.dbt / "signal_marts"}
    assert second == first


@pytest.mark.ids("COST-2")
def test_the_command_says_what_changed_and_what_had_no_effect(audit: Audit) -> None:
    said = audit.outputs[0]
    assert "gpt-4.1" in said
    assert "mystery-1" in said
    assert "new" in said
    assert "Oct 2026" in said
    assert "Sep 2026" not in said
    assert "nobody-uses-it input_uncached" in said
    [without_price] = [line for line in said.splitlines() if line.startswith("Tokens without a price")]
    before, after = (sum(row[3] for row in rows if row[5] is None) for rows in (audit.before, audit.after))
    assert without_price == f"Tokens without a price: {before:,} before, {after:,} now."


@pytest.mark.ids("COST-2")
def test_a_correction_taken_back_leaves_nothing_behind(audit: Audit) -> None:
    first, corrected, restored = audit.digests
    assert first["fct_usage_cost_hourly"] != corrected["fct_usage_cost_hourly"]
    priced = {"fct_usage_cost_hourly", "fct_unpriced_usage", "fct_price_disagreement", "dim_price", "dim_model"}
    assert {name: first[name] for name in priced} == {name: restored[name] for name in priced}
    assert "mystery-1" in audit.outputs[1]


@pytest.mark.ids("COST-2")
def test_each_price_says_why_it_counts_and_who_disagrees(audit: Audit) -> None:
    lines = audit.explained.splitlines()
    [chosen] = [line for line in lines if "✓" in line and line.startswith("output")]
    assert "8.7654321" in chosen
    assert "corrected invoice of October" in chosen
    [other] = [line for line in lines if "another list" in line and "the price of" not in line]
    assert "rank 5, after config" in other
    [differing] = [line for line in audit.differing.splitlines() if "gpt-4.1" in line]
    assert "0.91 to" in differing
