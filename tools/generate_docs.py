"""Write docs/configuration.md from the configuration models and docs/tables.md from the lake and configuration tables.

python tools/generate_docs.py [--check]
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generated import PROJECT_DIR, write_or_check
from pydantic import BaseModel

from finops import lake
from finops.config.load import FILES
from finops.config.tables import COLUMNS, DESCRIPTIONS
from finops.config.usage_mapping import UsageMapping

Schema = dict[str, Any]

_GENERATED = "<!-- Written by tools/generate_docs.py from the code. Change that, then run the tool again. -->\n"


def documents() -> dict[Path, str]:
    docs = PROJECT_DIR / "docs"
    return {docs / "configuration.md": configuration(), docs / "tables.md": tables()}


# ── docs/configuration.md ─────────────────────────────────────────────────────────────────────────────────────────────


def configuration() -> str:
    """The settings of every file, from the models in ``finops/config/``, and the variables, from ``.env.example``."""
    parts = [
        "# Configuration\n",
        _GENERATED,
        "Everything you set is in the folder `config/`: fifteen YAML files. `aifinops config check` validates them and "
        "names the file, the line and the remedy of every problem. An unknown setting is an error. "
        "The first line of each file names its JSON Schema, so editors with a YAML language server complete and check "
        "while you type. "
        "Set `AIFINOPS_CONFIG` to keep your files elsewhere.\n",
        "Numbers are exact: `0.1` is one tenth, not a binary fraction. Only `true` and `false` are booleans. "
        "Dates are written `2026-10-20`. Settings without a default are required.\n",
        "In `sources.yml`, `${NAME}` is replaced by the environment variable of that name. "
        "Secrets are never in these files: settings that end in `_env` hold the name of a variable.\n",
    ]
    for name, model in FILES.items():
        parts += _file_section(f"{name}.yml", model)
    parts += _file_section("Mapping files", UsageMapping)
    parts.append("See `config/examples/usage-mapping.yml`.\n")
    parts += _variables()
    return "\n".join(parts)


def _file_section(title: str, model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema()
    definitions: dict[str, Schema] = schema.get("$defs", {})
    yield f"## {title}\n"
    yield from _settings(schema, definitions, inspect.getdoc(model))
    for name in _in_order(schema, definitions):
        yield f"### {_heading(definitions[name])}\n"
        yield from _settings(definitions[name], definitions, definitions[name].get("description"))


def _settings(schema: Schema, definitions: dict[str, Schema], about: str | None) -> Iterator[str]:
    if about:
        yield _line(about) + "\n"
    yield "| Setting | Type | Default | Meaning |\n|---|---|---|---|"
    required = schema.get("required", [])
    for name, setting in schema["properties"].items():
        default = "required" if name in required else _default(setting)
        meaning = setting.get("description") or ("Which kind of entry this is" if "const" in setting else "")
        yield f"| `{name}` | {_type(setting, definitions)} | {default} | {_line(meaning)} |"
    yield ""


def _in_order(schema: Schema, definitions: dict[str, Schema]) -> list[str]:
    """Definitions that are settings themselves, in the order in which the file's reader meets them."""
    found: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            name = _name_of(part)
            if name and name not in found and "properties" in definitions[name]:
                found.append(name)
                walk(definitions[name])
            for key, value in part.items():
                if key != "discriminator":
                    walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(schema["properties"])
    return found


def _heading(definition: Schema) -> str:
    for key in ("type", "kind"):
        value = definition["properties"].get(key, {}).get("const")
        if value:
            return f"`{key}: {value}`"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", definition["title"]).split()
    return " ".join(
        word.upper() if word in ("Ai", "Gpu") else word.lower() if i else word for i, word in enumerate(words)
    )


def _type(setting: Schema, definitions: dict[str, Schema]) -> str:
    name = _name_of(setting)
    if name:
        definition = definitions[name]
        if "enum" in definition:
            return _choices(definition["enum"])
        heading = _heading(definition)
        return f"[{heading}](#{_anchor(heading)})"
    if "const" in setting:
        return f"`{setting['const']}`"
    if "enum" in setting:
        return _choices(setting["enum"])
    options = [option for option in setting.get("anyOf", []) if option.get("type") != "null"]
    if any(option.get("type") == "number" for option in options):
        return "number" + _limits(next(option for option in options if option["type"] == "number"))
    if options:
        return " or ".join(_type(option, definitions) for option in options)
    if "oneOf" in setting:
        return ", ".join(_type(option, definitions) for option in setting["oneOf"])
    match setting.get("type"):
        case "array":
            return f"list of {_type(setting['items'], definitions)}"
        case "object":
            return _map(setting, definitions)
        case "integer":
            return "whole number" + _limits(setting)
        case "boolean":
            return "true or false"
        case "string" if setting.get("format") == "date":
            return "date"
        case _:
            return "text"


def _map(setting: Schema, definitions: dict[str, Schema]) -> str:
    values = setting.get("additionalProperties") or next(iter(setting.get("patternProperties", {}).values()), {})
    keys = _type(setting["propertyNames"], definitions) if "propertyNames" in setting else "name"
    return f"{keys} → {_type(values, definitions)}"


def _choices(values: list[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _limits(setting: Schema) -> str:
    limits = [
        f"{sign} {setting[key]:g}"
        for key, sign in (("exclusiveMinimum", ">"), ("minimum", "≥"), ("exclusiveMaximum", "<"), ("maximum", "≤"))
        if key in setting
    ]
    return f" {', '.join(limits)}" if limits else ""


def _default(setting: Schema) -> str:
    match setting.get("default"):
        case None:
            return "none"
        case [] | {}:
            return "empty"
        case bool() as value:
            return f"`{str(value).lower()}`"
        case list() as values:
            return "`[" + ", ".join(str(value) for value in values) + "]`"
        case value:
            return f"`{value}`"


def _name_of(setting: Schema) -> str | None:
    reference: str | None = setting.get("$ref")
    return reference.rpartition("/")[2] if reference else None


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def _line(text: str) -> str:
    """Text of a docstring or description as one line of Markdown."""
    return " ".join(text.split()).replace("|", "\\|").replace("``", "`").replace("<", "\\<")


def _variables() -> Iterator[str]:
    yield "## Environment variables\n"
    yield "From `.env.example`. The configuration may name others of your own.\n"
    yield "| Variable | Meaning |\n|---|---|"
    comment: list[str] = []
    for line in (PROJECT_DIR / ".env.example").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            comment.append(line.lstrip("# "))
        elif "=" in line:
            yield f"| `{line.partition('=')[0]}` | {_line(' '.join(comment))} |"
            comment = []
        else:
            comment = []
    yield ""


# ── docs/tables.md ────────────────────────────────────────────────────────────────────────────────────────────────────


def tables() -> str:
    """The tables that Python writes and dbt reads; dbt documents its own in the YAML beside its models."""
    parts = [
        "# Tables\n",
        _GENERATED,
        "What Python writes and dbt reads. The marts, which people read, are described beside their SQL in "
        "`dbt_project/models/`; Dagster's asset pages show the same text.\n",
        "## The lake\n",
        (inspect.getdoc(lake) or "").split("\n\n")[-1].replace("\n", " ").replace("``", "`") + "\n",
    ]
    for table in lake.TABLES:
        parts += [f"### {table.name}\n", f"{table.description}\n", "| Column | Type | Meaning |\n|---|---|---|"]
        parts += [f"| `{column.name}` | {column.type} | {_line(column.description)} |" for column in table.columns]
        parts.append("")
    parts += [
        "## The configuration\n",
        "`config/` as tables, written into `<home>/config/<table>.jsonl` before dbt runs. "
        "What the columns mean is in [configuration.md](configuration.md).\n",
    ]
    for name, columns in COLUMNS.items():
        parts += [f"### {name}\n", f"{DESCRIPTIONS[name]}\n", "| Column | Type |\n|---|---|"]
        parts += [f"| `{column}` | {kind} |" for column, kind in columns.items()]
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(write_or_check(documents(), "Write the generated documents."))
