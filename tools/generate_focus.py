"""Write finops/focus/vocabulary.json from the FOCUS column table and the Azure export column table.

    python tools/generate_focus.py FOCUS_COLUMNS_CSV AZURE_EXPORT_COLUMNS_CSV

Run it when a new FOCUS version is ratified; the result is committed, so the project never needs the inputs.
"""

import csv
import json
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "finops" / "focus" / "vocabulary.json"
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")


def main(focus_csv: str, azure_csv: str) -> None:
    columns = []
    with Path(focus_csv).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["dataset"] != "CostAndUsage":
                continue
            columns.append(
                {
                    "name": row["column_id"],
                    "type": row["data_type"],
                    "nullable": row["allows_nulls"] == "True",
                    "versions": [v for v in VERSIONS if row[f"in_v{v.replace('.', '_')}"] == "True"],
                    "allowed_values": [v.strip() for v in row["allowed_values"].split(";") if v.strip()],
                }
            )
    azure: dict[str, set[str]] = {}
    with Path(azure_csv).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["dataset"] == "FocusCost":
                azure.setdefault(row["column"], set()).add(row["version"])
    known = {column["name"].lower() for column in columns}
    extensions = sorted(name for name in azure if name.lower() not in known)
    document = {"versions": list(VERSIONS), "cost_and_usage": columns, "azure_extensions": extensions}
    TARGET.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET}: {len(columns)} FOCUS columns, {len(extensions)} Azure extensions")


if __name__ == "__main__":
    main(*sys.argv[1:])
