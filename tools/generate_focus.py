"""Write finops/focus/vocabulary.json and finops/focus/rules.json from tables of FOCUS's columns and rules.

    python tools/generate_focus.py FOCUS_COLUMNS_CSV AZURE_EXPORT_COLUMNS_CSV RULES_1_4_JSON

Inputs: the specification's column tables as CSV, the columns of Azure's exports as CSV, and the machine-readable
rules that the specification's validator reads. Run it when a new FOCUS version is ratified; the results are committed,
so the project never needs the inputs.
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "finops" / "focus"
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")
DATASETS = {"CAU": "CostAndUsage", "BIP": "BillingPeriod", "CCT": "ContractCommitment"}

# Rules whose machine-readable form says something else than their text; reports.focus.rules has them as they are meant.
FAULTY = {
    "CAU-CommitmentDiscountQuantity-C-005-C": "demands a quantity of every charge, not only of those of commitments",
    "CAU-ConsumedQuantity-C-006-C": "demands a quantity of corrections, the only usage that may have none",
    "CAU-PricingCurrencyContractedUnitPrice-C-012-C": "demands a price without a SkuPriceId; the text, with one",
    "CAU-EffectiveCost-C-005-C": "demands 0 of every purchase, not only of those that cover other charges",
    "CAU-CommitmentDiscountQuantity-C-007-C": "forbids a quantity of corrections, which may have one",
    "CCT-ContractCommitmentDurationType-C-005-O": "a list of endings that C-004 says as a pattern",
}


def main(focus_csv: str, azure_csv: str, rules_json: str) -> None:
    with Path(focus_csv).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    model = json.loads(Path(rules_json).read_text(encoding="utf-8"))["ModelRules"]
    _write("vocabulary.json", vocabulary(rows, azure_csv), indent=1)
    _write("rules.json", rules(rows, model))


def vocabulary(rows: list[dict[str, str]], azure_csv: str) -> dict[str, Any]:
    columns = [
        {
            "name": row["column_id"],
            "type": row["data_type"],
            "nullable": row["allows_nulls"] == "True",
            "versions": _versions(row),
            "allowed_values": _allowed(row),
        }
        for row in rows
        if row["dataset"] == "CostAndUsage"
    ]
    azure: dict[str, set[str]] = {}
    with Path(azure_csv).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["dataset"] == "FocusCost":
                azure.setdefault(row["column"], set()).add(row["version"])
    known = {column["name"].lower() for column in columns}
    extensions = sorted(name for name in azure if name.lower() not in known)
    return {"versions": list(VERSIONS), "cost_and_usage": columns, "azure_extensions": extensions}


def rules(rows: list[dict[str, str]], model: dict[str, Any]) -> dict[str, Any]:
    """Per dataset its columns with what a file must keep, and the rules between columns."""
    datasets: dict[str, Any] = {}
    for dataset in DATASETS.values():
        datasets[dataset] = {
            "columns": [
                {
                    "name": row["column_id"],
                    "type": row["data_type"],
                    "format": row["value_format"],
                    "nullable": row["allows_nulls"] == "True",
                    "level": row["feature_level"].split()[0].lower() if row["feature_level"] else "mandatory",
                    "versions": _versions(row),
                    "allowed_values": _allowed(row),
                }
                for row in rows
                if row["dataset"] == dataset
            ],
            "rules": [],
        }
    for column in datasets["CostAndUsage"]["columns"]:
        if column["level"] == "removed":
            column["level"] = "mandatory"
    for name, rule in model.items():
        dataset = DATASETS.get(name[:3])
        if dataset and rule["EntityType"] == "Column" and name not in FAULTY:
            datasets[dataset]["rules"] += _conditional(rule)
    for content in datasets.values():
        content["rules"] = sorted({json.dumps(rule) for rule in content["rules"]})
        content["rules"] = [json.loads(rule) for rule in content["rules"]]
    return {"datasets": datasets, "service_categories": _parents(model)}


def _conditional(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A rule of the form "this column has, or has not, that value when …"."""
    criteria = rule["ValidationCriteria"]
    if criteria["Keyword"] == "MAY":
        return
    must = _expression(criteria.get("Requirement") or {})
    when = _expression(criteria.get("Condition") or {})
    if must and when and must[0] in ("is", "is not"):
        yield {
            "column": must[1],
            "must": must[0],
            "value": must[2],
            "when": when,
            "severity": "warning" if "SHOULD" in criteria["Keyword"] else "error",
        }


def _expression(check: dict[str, Any]) -> list[Any] | None:
    """A check as nested lists, or None for one that compares more than a column with a value."""
    match check.get("CheckFunction"):
        case "CheckValue":
            return ["is", check["ColumnName"], _text(check["Value"])]
        case "CheckNotValue":
            return ["is not", check["ColumnName"], _text(check["Value"])]
        case "AND" | "OR" as word:
            items = [_expression(item) for item in check["Items"]]
            return None if None in items else ["all" if word == "AND" else "any", *items]
        case _:
            return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _parents(model: dict[str, Any]) -> dict[str, str]:
    """Subcategory → its one category."""
    pairs = model["CAU-ServiceSubcategory-C-004-M"]["ValidationCriteria"]["Requirement"]["Items"]
    found = ({item["ColumnName"]: item["Value"] for item in pair["Items"]} for pair in pairs)
    return {pair["ServiceSubcategory"]: pair["ServiceCategory"] for pair in found}


def _versions(row: dict[str, str]) -> list[str]:
    return [version for version in VERSIONS if row[f"in_v{version.replace('.', '_')}"] == "True"]


def _allowed(row: dict[str, str]) -> list[str]:
    return [value.strip() for value in row["allowed_values"].split(";") if value.strip()]


def _write(name: str, document: dict[str, Any], indent: int | None = None) -> None:
    path = FOLDER / name
    if indent is None:
        # One line per column or rule: the file is read by people when FOCUS changes.
        text = json.dumps(document, ensure_ascii=False)
        for opening in (
            '{"name"',
            '{"column"',
            '"CostAndUsage"',
            '"BillingPeriod"',
            '"ContractCommitment"',
            '"rules"',
            '"service_categories"',
        ):
            text = text.replace(f" {opening}", f"\n {opening}").replace(f"[{opening}", f"[\n {opening}")
    else:
        text = json.dumps(document, indent=indent)
    path.write_text(text + "\n", encoding="utf-8")
    print(f"{path}: {len(text):,} characters")


if __name__ == "__main__":
    main(*sys.argv[1:])
