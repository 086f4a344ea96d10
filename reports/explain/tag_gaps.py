"""Resources that no tag gives an owner, and the exact text that would: ``fct_tag_gap``.

Here: reading the published mart, remedies, the CSV file of all gaps.
Not here: which resources are gaps and who probably owns them (dbt).
"""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

MART = "fct_tag_gap"
TEAM_PLACEHOLDER = "TEAM"
"""What stands in a rule where nothing hints at a team; somebody who knows must replace it."""
_FOR_ALL = "its charges name no resource; the rule is for all of the {} that no rule above it knows"
_MODEL_VENDORS = ("openai/", "anthropic/")


class GapError(LookupError):
    """Gaps that cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Gap:
    """One row of ``fct_tag_gap``; costs are effective cost in ``billing_currency``."""

    gap_rank: int
    resource_id: str | None
    resource_name: str | None
    resource_group_id: str | None
    provider_name: str
    sub_account_id: str | None
    sub_account_name: str | None
    service_name: str | None
    billing_currency: str
    is_ai: bool
    gap_kind: str
    missing_dimensions: str
    team: str | None
    app: str | None
    attribution_rule: str | None
    cost_of_last_30_days: Decimal
    cost_of_open_month: Decimal
    last_charged_on: date
    suggested_team: str | None
    suggestion_source: str | None
    sibling_count: int
    tagged_sibling_count: int
    team_tag_key: str | None

    @property
    def name(self) -> str:
        if self.resource_name or self.resource_id:
            return self.resource_name or str(self.resource_id).rsplit("/", 1)[-1]
        return f"charges of {self.service_name or self.provider_name} without a resource"

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(json.loads(self.missing_dimensions))


@dataclass(frozen=True)
class Remedy:
    """``kind``: tag (a command), rule (an entry of tags.yml, indented as it stands there), none."""

    kind: str
    text: str
    why: str


def read_gaps(published: Path) -> list[Gap]:
    """All gaps, those with most money first.

    Raises:
        GapError: the mart is not published.
    """
    file = published.resolve() / f"{MART}.parquet"
    if not file.exists():
        raise GapError(f"{MART} is not published in {published}: run the pipeline with this version first")
    names = [field.name for field in fields(Gap)]
    rows = duckdb.execute(
        f"select {', '.join(names)} from read_parquet(?) order by billing_currency, gap_rank", [str(file)]
    ).fetchall()
    return [Gap(**dict(zip(names, row, strict=True))) for row in rows]


def remedy_of(gap: Gap) -> Remedy:
    """The text that gives the gap an owner: a tag where something hints at the team, else a rule to complete."""
    group = (gap.resource_group_id or "").rsplit("/", 1)[-1]
    if gap.suggested_team and gap.team_tag_key and (gap.resource_id or "").startswith("/subscriptions/"):
        tag = shlex.quote(f"{gap.team_tag_key}={gap.suggested_team}")
        why = {
            "siblings": f"{gap.sibling_count} of {gap.tagged_sibling_count} tagged resources of {group} are "
            f"{gap.suggested_team}'s",
            "by_name": f"the rule {gap.attribution_rule} gives it to {gap.suggested_team} by its name",
            "by_app": f"its app {gap.app} belongs to {gap.suggested_team} in tags.yml",
        }[gap.suggestion_source or "siblings"]
        command = f"az tag update --operation Merge --resource-id {shlex.quote(str(gap.resource_id))} --tags {tag}"
        return Remedy("tag", command, why)
    if gap.team:
        tag = f"{gap.team_tag_key or 'team'}={gap.team}"
        return Remedy(
            "none", "", f"a rule gives it to {gap.team}; set the tag {tag} with {gap.provider_name}'s own tools"
        )
    looked_at, pattern, why = _rule_of(gap, group)
    if pattern is None:
        return Remedy("none", "", "the bill says nothing of it that a rule could look at")
    value = gap.suggested_team or TEAM_PLACEHOLDER
    words = (
        re.sub(r"[^a-z0-9]+", "-", (group or gap.resource_name or gap.service_name or gap.name).lower())[:50].strip("-")
        or "resource"
    )
    rule_id = f"{words}-by-{looked_at.replace('_', '-')}"
    named = value if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value) else json.dumps(value)
    rule = f"  - {{id: {rule_id}, dimension: team, match: {looked_at}, pattern: {json.dumps(pattern)}, value: {named}}}"
    if value == TEAM_PLACEHOLDER:
        why += f"; nothing hints at the team, so put its name for {TEAM_PLACEHOLDER}"
    return Remedy("rule", rule, why)


def _rule_of(gap: Gap, group: str) -> tuple[str, str | None, str]:
    """What a rule could look at, its pattern, and why that."""
    if gap.resource_id and gap.resource_id.startswith(_MODEL_VENDORS):
        project = gap.sub_account_name or gap.sub_account_id
        if project:
            return "project", f"^{_literal(project)}$", "model vendors' projects have no tags"
    if group and gap.tagged_sibling_count == 0:
        return "resource_id", f"/resourcegroups/{_literal(group)}/", f"no resource of {group} has a team tag"
    if gap.resource_id:
        return "resource_id", f"^{_literal(gap.resource_id)}$", "for this resource alone"
    if gap.service_name:
        return "service_name", f"^{_literal(gap.service_name)}$", _FOR_ALL.format("service")
    if gap.sub_account_name or gap.sub_account_id:
        account = gap.sub_account_name or str(gap.sub_account_id)
        return "sub_account", f"^{_literal(account)}$", _FOR_ALL.format("account")
    return "", None, ""


def _literal(text: str) -> str:
    """The text as a pattern that finds it; re.escape() would also escape what needs it nowhere, such as hyphens."""
    return re.sub(r"([.^$*+?()\[\]{}|\\])", r"\\\1", text)


_CSV_COLUMNS = (
    "gap_rank", "billing_currency", "cost_of_last_30_days", "cost_of_open_month", "gap_kind", "resource_id",
    "resource_name", "provider_name", "sub_account_name", "service_name", "team", "missing_dimensions",
    "suggested_team", "last_charged_on", "remedy_kind", "remedy", "remedy_reason",
)  # fmt: skip


def write_gaps(gaps: Sequence[Gap], file: Path) -> None:
    """All gaps with remedies as CSV: UTF-8 with BOM, amounts with all digits, an apostrophe before formulas.

    Raises:
        GapError: the file cannot be written.
    """
    try:
        with file.open("w", encoding="utf-8-sig", newline="") as target:
            writer = csv.writer(target)
            writer.writerow(_CSV_COLUMNS)
            for gap in gaps:
                remedy = remedy_of(gap)
                own = {"missing_dimensions": " ".join(gap.missing)}
                own |= {"remedy_kind": remedy.kind, "remedy": remedy.text, "remedy_reason": remedy.why}
                writer.writerow([_cell(own.get(name, getattr(gap, name, None))) for name in _CSV_COLUMNS])
    except OSError as error:
        raise GapError(f"{file} cannot be written: {error.strerror}; name another file with --csv") from None


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
