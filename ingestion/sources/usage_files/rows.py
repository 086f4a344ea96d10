"""What the columns of a user's table mean, as SQL.

Here: the mapping applied: times, counts, names, hashed ids, and the checks.
Not here: files and loading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from finops import lake as contract
from finops.config.usage_mapping import NamedByMapping, UsageMapping
from ingestion.privacy import hash_sql, mask_emails_sql
from ingestion.sources.usage_files import prefixes
from ingestion.sources.usage_files.payloads import member_sql, read_sql
from ingestion.tabular import Check, identifier, literal, struct_text

TABLE = contract.USAGE_RECORD
COUNTS = (
    "request_count",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    prefixes.COLUMN,
)
_TOKENS = tuple(name for name in COUNTS if name not in ("request_count", prefixes.COLUMN))
_PAYLOAD = "usage_json"
_PAYLOAD_COUNTS = {
    "input_tokens": ("input_uncached",),
    "cache_read_tokens": ("cache_read",),
    "cache_write_5m_tokens": ("cache_write_5m",),
    "cache_write_1h_tokens": ("cache_write_1h",),
    "output_tokens": ("output", "reasoning"),
    "reasoning_tokens": ("reasoning",),
    "input_audio_tokens": ("input_audio",),
    "cache_read_audio_tokens": ("cache_read_audio",),
    "output_audio_tokens": ("output_audio",),
    "input_image_tokens": ("input_image",),
    "output_image_tokens": ("output_image",),
}
"""Column of the lake → token classes that it holds, where the counts come from usage objects."""
_NAMES: tuple[str, ...] = get_args(NamedByMapping)
_IDS = {"customer_id": "customer_hash", "user_id": "user_hash"}
_NOTHING = "('', 'null', 'none', 'nan', '\\n')"


@dataclass(frozen=True)
class UsageSql:
    """``staged``: select list of text columns by role; ``final``: select list of ``usage__record``.

    ``relation``: what ``final`` is selected from, once the staged rows are checked.
    """

    staged: str
    checks: list[Check]
    raw_row: str
    final: str
    relation: str


def wanted_columns(mapping: UsageMapping) -> list[str]:
    """The table's own columns that the mapping names, each once."""
    return list(dict.fromkeys(mapping.columns.values()))


def keeps_numbers(mapping: UsageMapping) -> bool:
    """Whether numbers in a broken line are harmless: not where one of them could be a person."""
    return not set(_IDS) & set(mapping.columns)


def usage_sql(mapping: UsageMapping, text: dict[str, str], *, file: str, source_id: str, snapshot_id: str) -> UsageSql:
    """SQL for one file.

    Args:
        text: column of the table → DuckDB text expression.
    """
    roles = {role: _or_null(text[column]) for role, column in mapping.columns.items()}
    # Personal ids are hashed where they are read, so that not even a spill file of DuckDB has them.
    staged = {role: _staged(role, value) for role, value in roles.items()}
    staged_list = ", ".join(f"{value} as {identifier(role)}" for role, value in staged.items())

    def value(role: str) -> str:
        if role in mapping.columns:
            return identifier(role)
        return literal(mapping.constants[role]) if role in mapping.constants else "null"  # type: ignore[index]

    checks = [
        Check(
            "usage_at",
            f"{_time(mapping)} is null",
            "coalesce(concat('''', usage_at, ''' is not a time'), 'the time is missing')",
            f"The mapping expects {mapping.time_format or 'ISO 8601'}: correct the row or the mapping's time_format",
        )
    ]
    for role in ("provider_name", "model"):
        if role in mapping.columns:
            remedy = f"Fill it, or give {role} under constants in the mapping file"
            checks.append(Check(role, f"{role} is null", literal(f"{role} is missing"), remedy))
    for role in COUNTS:
        if role in mapping.columns:
            checks += [
                Check(
                    role,
                    f"{role} is not null and {_count(role)} is null",
                    f"concat('''', {role}, ''' is not a whole number')",
                    "Write a count without separators or fractions",
                ),
                Check(role, f"{_count(role)} < 0", f"concat({role}, ' is negative')", "Write a count of zero or more"),
            ]
    if _PAYLOAD in mapping.columns:
        checks += _payload_checks(mapping)
    if prefixes.BLOCKS in mapping.columns:
        no_list = f"{prefixes.BLOCKS} is not null and not ({prefixes.is_list_sql(prefixes.BLOCKS)})"
        remedy = "Write the ids of the prompt's blocks in order, such as [17, 18, 40]"
        checks.append(Check(prefixes.BLOCKS, no_list, literal("the blocks of the prompt are no JSON list"), remedy))
    tokens = [role for role in (*_TOKENS, _PAYLOAD) if role in mapping.columns]
    nothing = f"coalesce({', '.join(tokens)}) is null"
    checks.append(
        Check(tokens[0], nothing, literal("the row has no token count"), "Fill it with 0 where nothing was used")
    )

    final = {
        "source_id": literal(source_id),
        "snapshot_id": literal(snapshot_id),
        "x_file": literal(file),
        "x_row": "x_row",
        "usage_at": _time(mapping),
        **{role: value(role) for role in _NAMES},
        "resource_id": f"lower({value('resource_id')})",
        "input_includes_cache": str(mapping.input_includes_cache).lower(),
        **{role: _count(role) if role in mapping.columns else "null" for role in COUNTS},
        **({prefixes.COLUMN: prefixes.COLUMN} if prefixes.BLOCKS in mapping.columns else {}),
        "request_count": f"coalesce({_count('request_count')}, 1)" if "request_count" in mapping.columns else "1",
        **{hashed: value(role) for role, hashed in _IDS.items()},
        **_payload_values(mapping, value),
    }
    types = {
        column.name: {"text": "varchar", "json": "varchar"}.get(column.type, column.type) for column in TABLE.columns
    }
    final_list = ", ".join(f"({final.get(name, 'null')})::{kind} as {name}" for name, kind in types.items())
    relation = "staged"
    if prefixes.BLOCKS in mapping.columns:
        scope = [value(role) for role in ("provider_name", "model", "resource_id", "deployment_name")]
        relation = f"({prefixes.with_repeated_prefix_sql('staged', mapping, _time(mapping), scope)})"
    raw_row = struct_text({role: identifier(role) for role in mapping.columns})
    return UsageSql(staged_list, checks, raw_row, final_list, relation)


def _staged(role: str, value: str) -> str:
    if role == _PAYLOAD:
        return read_sql(value)
    return hash_sql(value) if role in _IDS else mask_emails_sql(value)


def _payload_checks(mapping: UsageMapping) -> list[Check]:
    error = member_sql(_PAYLOAD, "error")
    remedy = "Log the usage object of the response as the provider answered it"
    checks = [Check(_PAYLOAD, f"{error} is not null", error, remedy)]
    if "model" not in mapping.columns and "model" not in mapping.constants:
        remedy = "Log the whole response, or map a column to model"
        unnamed = f"{member_sql(_PAYLOAD, 'model')} is null"
        checks.append(Check("model", unnamed, literal("the usage object names no model"), remedy))
    return checks


def _payload_values(mapping: UsageMapping, value: Callable[[str], str]) -> dict[str, str]:
    """Columns that the usage object fills: counts that never overlap, and what the table does not say itself."""
    if _PAYLOAD not in mapping.columns:
        return {}

    def counted(token_class: str) -> str:
        return f"{member_sql(_PAYLOAD, 'counts', token_class)}::bigint"

    counts = {column: " + ".join(map(counted, classes)) for column, classes in _PAYLOAD_COUNTS.items()}
    said = {name: f"coalesce({value(name)}, {member_sql(_PAYLOAD, name)})" for name in ("model", "service_tier")}
    return {**counts, **said, "input_includes_cache": "false"}


def _or_null(expression: str) -> str:
    """Trimmed text; null for nothing and for the words that tools write for nothing."""
    return f"case when lower(trim({expression})) in {_NOTHING} then null else trim({expression}) end"


def _count(role: str) -> str:
    """A whole number of a text column, also from ``12.0`` as data frames write counts; null for anything else."""
    number = f"try_cast({role} as decimal(38,9))"
    return f"case when {number} = trunc({number}) then try_cast({number} as bigint) end"


def _time(mapping: UsageMapping) -> str:
    """UTC timestamp without zone from ``usage_at``; null for what is not a time.

    Fractions beyond microseconds are cut off: DuckDB keeps six digits and its formats read no more.
    """
    text = r"regexp_replace(usage_at, '(\.\d{6})\d+', '\1')"
    if mapping.time_format is not None:
        parsed = f"try_strptime({text}, {literal(mapping.time_format)})"
        if "%z" in mapping.time_format or "%Z" in mapping.time_format:
            return f"timezone('UTC', {parsed})"
        return _in_zone(parsed, mapping.time_zone)
    has_offset = r"regexp_matches(usage_at, '\d[Tt ]\d{1,2}:\d.*([Zz]|[+-]\d{2}(:?\d{2})?)$')"
    absolute = f"timezone('UTC', try_cast({text} as timestamptz))"
    local = _in_zone(f"try_cast({text} as timestamp)", mapping.time_zone)
    return f"case when {has_offset} then {absolute} else {local} end"


def _in_zone(timestamp: str, zone: str) -> str:
    if zone.upper() == "UTC":
        return timestamp
    return f"timezone('UTC', timezone({literal(zone)}, {timestamp}))"
