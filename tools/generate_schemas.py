"""Write config/schemas/<name>.schema.json, for completion and checking in editors, from the configuration models.

    python tools/generate_schemas.py [--check]

Every file of config/ names its schema in its first line (``# yaml-language-server: $schema=…``).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from generated import PROJECT_DIR, write_or_check

from finops.config.load import FILES
from finops.config.usage_mapping import UsageMapping


def schemas() -> dict[Path, str]:
    models = {**FILES, "usage_mapping": UsageMapping}
    return {
        PROJECT_DIR / "config" / "schemas" / f"{name}.schema.json": _text(name, model.model_json_schema())
        for name, model in models.items()
    }


def _text(name: str, schema: dict[str, Any]) -> str:
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": f"{name}.yml"}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check(schemas(), "Write the JSON Schemas of config/."))
