"""`aifinops run` on files that no simulator made: the bill's total survives to the last decimal."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from finops.paths import PROJECT_DIR, Home
from reports.dashboards.catalogue import PAGES
from reports.dashboards.site import path_of
from tests.support.pipeline import query

pytestmark = [pytest.mark.xdist_group("own-files")]


def aifinops(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", "run", *arguments, "--home", str(home)]
    return subprocess.run(
        command, cwd=PROJECT_DIR, env={**os.environ, "COLUMNS": "160"}, capture_output=True, text=True, check=False
    )


@pytest.mark.long
@pytest.mark.ids("ING-4", "COST-1", "COST-3")
def test_a_real_focus_file_reaches_marts_and_report(real_data: Path, tmp_path: Path) -> None:
    file = real_data / "billing" / "focus-sample" / "focus_sample.csv"
    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with file.open(encoding="utf-8-sig", newline="") as rows:
        for row in csv.DictReader(rows):
            expected[row["ProviderName"], row["BillingCurrency"]] += Decimal(row["BilledCost"])
    assert len(expected) == 3

    done = aifinops("--focus", str(file), home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

    home = Home(tmp_path)
    found = query(
        home, "select provider_name, billing_currency, sum(billed_cost) from {fct_ai_cost_daily} group by 1, 2"
    )
    assert {(provider, currency): total for provider, currency, total in found} == expected
    company = {path_of(kind.name) for kind in PAGES if kind.about == "company"}
    assert {page.name for page in home.reports.glob("*.html")} == company
    assert "<h1>Overview</h1>" in (home.reports / "index.html").read_text(encoding="utf-8")
    for (provider, _), total in expected.items():
        assert re.search(rf"{provider}.*{total.normalize()}.*{total.normalize()} +0\b", done.stdout), done.stdout


@pytest.mark.ids("ING-3", "COST-2", "UNIT-1")
@pytest.mark.long
def test_a_real_usage_table_is_priced(real_data: Path, tmp_path: Path) -> None:
    file = real_data / "llm" / "azure2023" / "AzureLLMInferenceTrace_code.csv"
    mapping = PROJECT_DIR / "config" / "examples" / "azure-llm-trace-mapping.yml"
    with file.open(encoding="utf-8-sig", newline="") as rows:
        records = list(csv.DictReader(rows))
    input_tokens = sum(int(record["ContextTokens"]) for record in records)
    output_tokens = sum(int(record["GeneratedTokens"]) for record in records)

    done = aifinops("--usage", str(file), "--mapping", str(mapping), home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

    found = query(
        Home(tmp_path),
        "select token_class, sum(tokens), sum(estimated_cost) from {fct_usage_cost_hourly} where tokens > 0 group by 1",
    )
    # GPT-4's list price in November 2023: USD 30 per 1M input tokens, USD 60 per 1M output tokens.
    assert {token_class: (tokens, cost) for token_class, tokens, cost in found} == {
        "input_uncached": (input_tokens, Decimal(input_tokens) * 30 / 1_000_000),
        "output": (output_tokens, Decimal(output_tokens) * 60 / 1_000_000),
    }
    [(requests,)] = query(Home(tmp_path), "select sum(request_count) from {fct_usage_cost_hourly}")
    assert requests == len(records)
    assert re.search(r"1M tokens", done.stdout)


@pytest.mark.ids("ING-10")
def test_a_file_that_is_no_bill_says_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text("name,amount\nsomething,1.00\n")
    done = aifinops("--focus", str(file), home=tmp_path / "home")
    assert done.returncode == 1
    assert "notes.csv" in done.stderr
    assert "BilledCost" in done.stderr
    assert "Traceback" not in done.stderr
