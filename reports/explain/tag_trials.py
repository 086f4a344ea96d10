"""Why a resource belongs to whom it does: every rule of tags.yml with what came of it.

Here: reading from the warehouse what dbt tried (``int_focus__owner_trial``) and decided (``int_focus__owner``).
Not here: trying rules (dbt), and words for pools and charges (``words``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

DIMENSIONS = ("team", "app", "project", "environment", "business_unit", "cost_center", "owner")
"""What rules find for a bill, in the order of ``owner_dimensions()`` of the dbt project."""
_SHOWN = 8


class ResourceError(LookupError):
    """A resource, or a day of it, that cannot be explained; the message says what to do."""


@dataclass(frozen=True)
class Trial:
    """One rule on one set of properties; ``because`` says the outcome in words.

    ``outcome``: decides, beaten (an earlier rule decided), not_valid (it does not hold on the day), no_match (its
    pattern is not in the text), nothing_there (no such tag or property), not_applicable.
    """

    dimension: str
    priority: int
    rule_id: str
    match: str
    tag_key: str | None
    value: str | None
    outcome: str
    because: str


@dataclass(frozen=True)
class Result:
    """The value of a dimension as dbt decided it, and where it came from."""

    dimension: str
    value: str | None
    source: str


@dataclass(frozen=True)
class PropertySet:
    """Charges of the day that rules cannot tell apart. ``costs``: effective cost by currency."""

    tags: Mapping[str, str]
    charge_count: int
    costs: tuple[tuple[str, Decimal], ...]
    trials: tuple[Trial, ...]
    results: tuple[Result, ...]


@dataclass(frozen=True)
class ResourceExplanation:
    resource_id: str
    day: date
    pool_id: str | None
    sets: tuple[PropertySet, ...]


def explain_resource(warehouse: Path, wanted: str, *, day: date | None) -> ResourceExplanation:
    """Every rule for the resource on a day (UTC), the newest that it was charged on where none is given.

    Args:
        wanted: the resource's id, or a part that only one id has, in any case.

    Raises:
        ResourceError: no resource or several have it, it was not charged on the day, or a run is writing the warehouse.
    """
    if not warehouse.exists():
        raise ResourceError(f"{warehouse} does not exist: run `aifinops run` or `aifinops demo` first")
    try:
        connection = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.IOException:
        raise ResourceError(f"a run is writing {warehouse}: ask again when it is done") from None
    with connection:
        try:
            resource_id = _only_resource(connection, wanted)
            on = _charged_day(connection, resource_id, day)
            pool = connection.execute(
                "select pool_id from intermediate.int_focus__pool where resource_id = ?", [resource_id]
            ).fetchone()
            sets = tuple(_property_sets(connection, resource_id, on))
        except duckdb.CatalogException:
            raise ResourceError(
                f"{warehouse} was built by an older version: run `aifinops run` once, then ask again"
            ) from None
        except duckdb.IOException as error:
            # Rules and some staging models are views of files; they know the home by the path that it had.
            raise ResourceError(
                f"{warehouse} reads a file that is gone, because the home was moved or cleaned: run `aifinops run` "
                f"once, then ask again ({error})"
            ) from None
    return ResourceExplanation(resource_id, on, pool[0] if pool else None, sets)


def _only_resource(connection: duckdb.DuckDBPyConnection, wanted: str) -> str:
    found = connection.execute(
        """select distinct resource_id from intermediate.int_focus__owner_property
           where contains(resource_id, lower(trim(?))) order by length(resource_id), resource_id""",
        [wanted],
    ).fetchall()
    ids = [str(name) for (name,) in found]
    part = wanted.strip().lower()
    exact = [name for name in ids if name == part] or [name for name in ids if name.rsplit("/", 1)[-1] == part]
    if len(exact) == 1 or len(ids) == 1:
        return (exact if len(exact) == 1 else ids)[0]
    if ids:
        more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
        shown = "\n  ".join(ids[:_SHOWN])
        raise ResourceError(f"{len(ids)} resources have {wanted!r} in their id; write more of one:\n  {shown}{more}")
    near = connection.execute(
        f"""select resource_id from (select distinct resource_id from intermediate.int_focus__owner_property)
            where resource_id is not null
            order by jaro_winkler_similarity(string_split(resource_id, '/')[-1], lower(?)) desc, 1 limit {_SHOWN}""",
        [wanted],
    ).fetchall()
    names = "\n  ".join(str(name) for (name,) in near) or "none: the bill names no resource yet"
    raise ResourceError(f"the bill has no resource with {wanted!r} in its id. Near it:\n  {names}")


def _charged_day(connection: duckdb.DuckDBPyConnection, resource_id: str, day: date | None) -> date:
    first, last, on_day = connection.execute(
        """select min(usage_date), max(usage_date), count(*) filter (where usage_date = ?)
           from intermediate.int_focus__tagged where resource_id = ?""",
        [day, resource_id],
    ).fetchone() or (None, None, 0)
    if last is None:
        raise ResourceError(f"the bill has no charge of {resource_id}")
    if day is not None and not on_day:
        raise ResourceError(
            f"{resource_id} was not charged on {day}, so nothing was decided for that day; it was charged between "
            f"{first} and {last}: choose a day in between"
        )
    newest: date = last
    return day or newest


def _property_sets(connection: duckdb.DuckDBPyConnection, resource_id: str, day: date) -> Iterator[PropertySet]:
    charges = connection.execute(
        """select owner_properties_id, any_value(tags_id), billing_currency, count(*),
                  cast(sum(effective_cost) as decimal(38, 12))
           from intermediate.int_focus__tagged where resource_id = ? and usage_date = ?
           group by 1, 3 order by sum(effective_cost) desc, 1, 3""",
        [resource_id, day],
    ).fetchall()
    trials = _rows(
        connection,
        """select owner_properties_id, dimension, priority, rule_id, match, tag_key, pattern, valid_from, valid_to,
                  text_tried, outcome, value
           from intermediate.int_focus__owner_trial where resource_id = ? order by priority""",
        [resource_id],
    )
    decided = {
        row["owner_properties_id"]: row
        for row in _rows(
            connection,
            f"""select owner_properties_id, {", ".join(DIMENSIONS)} from intermediate.int_focus__owner
                where ? between first_day and last_day and owner_properties_id in (
                    select owner_properties_id from intermediate.int_focus__owner_property where resource_id = ?)""",
            [day, resource_id],
        )
    }
    for set_id in dict.fromkeys(row[0] for row in charges):
        own = [row for row in charges if row[0] == set_id]
        tags = connection.execute(
            "select tag_key, tag_value from staging.stg_focus__tag where tags_id = ? order by 1", [own[0][1]]
        ).fetchall()
        tried = tuple(_judged([row for row in trials if row["owner_properties_id"] == set_id], day))
        yield PropertySet(
            dict(tags),
            sum(row[3] for row in own),
            tuple((row[2], row[4]) for row in own),
            tried,
            tuple(_results(tried, decided.get(set_id, {}))),
        )


def _judged(rows: list[dict[str, Any]], day: date) -> Iterator[Trial]:
    """Rules in the order of dimensions; the first of a dimension that matched and holds on the day decides."""
    order = [*DIMENSIONS, *sorted({row["dimension"] for row in rows} - set(DIMENSIONS))]
    for dimension in order:
        winner: str | None = None
        for row in (row for row in rows if row["dimension"] == dimension):
            outcome, because = _outcome(row, day, winner)
            if outcome == "decides":
                winner = row["rule_id"]
            matched = outcome in ("decides", "beaten", "not_valid")
            yield Trial(
                dimension, row["priority"], row["rule_id"], row["match"], row["tag_key"],
                row["value"] if matched else None, outcome, because,
            )  # fmt: skip


def _outcome(row: Mapping[str, Any], day: date, winner: str | None) -> tuple[str, str]:
    words = row["match"].replace("_", " ")
    where = f"tag {row['tag_key']}" if row["match"] == "tag" else words
    # Whoever asks has the id in front of them.
    said = where if row["match"] == "resource_id" else f"{where} {row['text_tried']!r}"
    if row["outcome"] == "not_applicable":
        if row["match"] in ("project", "api_key"):
            return "not_applicable", f"{words} rules are about model vendors' bills"
        return "not_applicable", f"{words} rules are about calls and clusters, not about bills"
    if row["outcome"] == "nothing_there":
        return "nothing_there", f"no such tag: {row['tag_key']}" if row[
            "match"
        ] == "tag" else f"the bill names no {words}"
    if row["outcome"] == "no_match":
        return "no_match", f"{row['pattern']!r} is not in the {said}"
    found = f"{where} = {row['text_tried']!r}"
    if row["pattern"] is not None:
        found = f"{row['pattern']!r} is in the {said}"
    if row["valid_from"] is not None and day < row["valid_from"]:
        return "not_valid", f"{found}, but the rule holds from {row['valid_from']} on"
    if row["valid_to"] is not None and day > row["valid_to"]:
        return "not_valid", f"{found}, but the rule held until {row['valid_to']}"
    if winner is not None:
        return "beaten", f"{found}, but {winner} comes first"
    return "decides", found


def _results(trials: tuple[Trial, ...], decided: Mapping[str, Any]) -> Iterator[Result]:
    winners = {trial.dimension: trial for trial in trials if trial.outcome == "decides"}
    for dimension in DIMENSIONS:
        value, winner = decided.get(dimension), winners.get(dimension)
        if value is None:
            source = "no rule finds one"
        elif winner is not None:
            source = f"rule {winner.rule_id}"
            if winner.value != value:
                source += f", which says {winner.value!r}; written as tags.yml writes it"
        elif dimension == "team":
            source = f"the app: tags.yml says that {decided['app']} belongs to {value}"
        else:
            source = f"the team: tags.yml's entry of {decided['team']}"
        yield Result(dimension, value, source)


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
    answer = connection.execute(sql, parameters)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
