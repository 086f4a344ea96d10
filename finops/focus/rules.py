"""What a FOCUS file must keep: per dataset and version its columns, and the rules between them.

Here: the rules as data.
Not here: checking a file against them (reports.focus).
Source: the FOCUS specification's column tables and rules, through ``tools/generate_focus.py``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

COST_AND_USAGE = "CostAndUsage"
BILLING_PERIOD = "BillingPeriod"
CONTRACT_COMMITMENT = "ContractCommitment"

Expression = list[Any]
"""``["is", column, value]``, ``["is not", column, value]``, ``["all", …]`` or ``["any", …]``; None is null."""


@dataclass(frozen=True)
class ColumnRule:
    """``level`` is mandatory, conditional or recommended; ``format`` the specification's name of the value format."""

    name: str
    type: str
    format: str
    nullable: bool
    level: str
    allowed_values: tuple[str, ...]


@dataclass(frozen=True)
class ConditionalRule:
    """``column`` ``must`` ("is" or "is not") ``value`` wherever ``when`` holds."""

    column: str
    must: str
    value: str | None
    when: Expression
    severity: str


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files("finops.focus").joinpath("rules.json").read_text(encoding="utf-8"))
    return document


def columns_of(dataset: str, version: str) -> tuple[ColumnRule, ...]:
    """The columns that a version of FOCUS defines for a dataset, in alphabetical order."""
    return tuple(
        ColumnRule(c["name"], c["type"], c["format"], c["nullable"], c["level"], tuple(c["allowed_values"]))
        for c in sorted(_document()["datasets"][dataset]["columns"], key=lambda c: str(c["name"]))
        if version in c["versions"]
    )


def conditional_rules(dataset: str) -> tuple[ConditionalRule, ...]:
    """The rules between columns of a dataset. They are 1.4's: earlier versions say the same with fewer words."""
    return tuple(ConditionalRule(**rule) for rule in _document()["datasets"][dataset]["rules"])


def service_categories() -> dict[str, str]:
    """ServiceSubcategory → its one ServiceCategory."""
    found: dict[str, str] = _document()["service_categories"]
    return found
