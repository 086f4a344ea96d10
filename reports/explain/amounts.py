"""Amounts of ``fct_allocated_charge``: by their id, by team and day, and all parts of one charge.

Here: reading the published mart.
Not here: words (``words``) and the row of the bill (``bill_row``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

MART = "fct_allocated_charge"
SHORT_ID = 12
"""Characters of an id that are shown in lists: among a million amounts two share them once in 560 warehouses."""
_SHOWN = 5


class AmountError(LookupError):
    """An amount that cannot be found; the message says what to do."""


@dataclass(frozen=True)
class Amount:
    """One row of ``fct_allocated_charge``; money is in ``billing_currency``, ``driver_value`` in the driver's unit."""

    allocation_id: str
    usage_date: date
    billing_period_start: date
    provider_name: str
    billing_account_id: str | None
    sub_account_id: str | None
    sub_account_name: str | None
    billing_currency: str
    service_name: str | None
    resource_id: str | None
    resource_name: str | None
    charge_category: str | None
    sku_meter: str | None
    team: str | None
    app: str | None
    business_unit: str | None
    cost_center: str | None
    attribution_method: str
    attribution_rule: str | None
    attribution_dimension: str | None
    attribution_match: str | None
    attribution_tag_key: str | None
    attribution_text: str | None
    attribution_pattern: str | None
    pool_id: str | None
    driver: str | None
    driver_basis: str | None
    allocation_path: str | None
    weight_set: str | None
    target_number: int | None
    target_count: int | None
    driver_value: Decimal | None
    driver_total: Decimal | None
    share: Decimal | None
    split_effective_cost: Decimal | None
    is_fallback: bool
    is_idle: bool
    idle_kind: str | None
    billed_cost: Decimal
    effective_cost: Decimal
    charge_billed_cost: Decimal
    charge_effective_cost: Decimal
    charge_id: str
    source_id: str
    load_file: str
    load_row: int


@dataclass(frozen=True)
class Listing:
    """A team's largest amounts of a day, with the number and the effective cost, per currency, of all of them."""

    team: str
    day: date
    amounts: tuple[Amount, ...]
    count: int
    totals: tuple[tuple[str, Decimal], ...]


def find_amount(published: Path, id_or_prefix: str) -> Amount:
    """The amount with this id, or with the only id that begins with it.

    Raises:
        AmountError: there is none, there are several, or nothing is published.
    """
    wanted = id_or_prefix.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{4,32}", wanted):
        raise AmountError(
            f"{id_or_prefix!r} is no id of an amount: ids have 32 digits and letters a to f, and their first four or "
            "more are enough; `aifinops explain --team TEAM --day DAY` lists ids"
        )
    found = _select(published, "starts_with(allocation_id, ?) order by allocation_id limit 6", [wanted])
    if not found:
        raise AmountError(
            f"no amount has the id {id_or_prefix!r}. The bill may have been corrected since the id was shown: "
            "`aifinops explain --team TEAM --day DAY` lists today's ids"
        )
    if len(found) > 1:
        shown = ", ".join(amount.allocation_id for amount in found[:_SHOWN])
        raise AmountError(f"several ids begin with {id_or_prefix!r}; write more of one: {shown}")
    return found[0]


def parts_of_charge(published: Path, charge_id: str) -> list[Amount]:
    """All amounts that a charge of the bill was split into, or the one that it is."""
    return _select(published, "charge_id = ? order by target_number", [charge_id])


def largest_amounts(published: Path, team: str, *, day: date | None, app: str | None, top: int) -> Listing:
    """A team's amounts of one day (UTC), largest first; the newest day that it has where none is given.

    Raises:
        AmountError: the team, the app or the day has none; the message names those near.
    """
    file = _file(published)
    with duckdb.connect() as connection:
        condition = "lower(team) = lower($team)"
        values: dict[str, Any] = {"file": file, "team": team}
        if app is not None:
            condition, values = condition + " and lower(app) = lower($app)", values | {"app": app}
        first, last = connection.execute(
            f"select min(usage_date), max(usage_date) from read_parquet($file) where {condition}", values
        ).fetchone() or (None, None)
        if first is None or last is None:
            column, wanted = ("app", app) if app is not None else ("team", team)
            near = connection.execute(
                f"""select distinct {column} from read_parquet(?) where {column} is not null
                    order by jaro_winkler_similarity({column}, lower(?)) desc, {column} limit {_SHOWN}""",
                [file, wanted],
            ).fetchall()
            names = ", ".join(name for (name,) in near) or "none at all"
            of = f"app {app!r} of team {team!r}" if app is not None else f"team {team!r}"
            raise AmountError(f"the bill has nothing of {of}. {column.capitalize()}s near it: {names}")
        values |= {"day": day or last}
        count, *_ = connection.execute(
            f"select count(*) from read_parquet($file) where {condition} and usage_date = $day", values
        ).fetchone() or (0,)
        if not count:
            raise AmountError(
                f"the bill has nothing of team {team!r} on {day}; it has something between {first} and {last}: choose "
                "a day in between"
            )
        totals = connection.execute(
            f"""select billing_currency, cast(sum(effective_cost) as decimal(38, 12)) from read_parquet($file)
                where {condition} and usage_date = $day group by 1 order by 1""",
            values,
        ).fetchall()
    chosen = "lower(team) = lower(?) and usage_date = ? and (? is null or lower(app) = lower(?))"
    amounts = _select(
        published,
        f"{chosen} order by abs(effective_cost) desc, allocation_id limit ?",
        [team, day or last, app, app, max(top, 1)],
    )
    return Listing(amounts[0].team or team, day or last, tuple(amounts), count, tuple(totals))


def _select(published: Path, condition: str, parameters: Sequence[Any]) -> list[Amount]:
    names = [field.name for field in fields(Amount)]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {', '.join(names)} from read_parquet(?) where {condition}", [_file(published), *parameters]
        ).fetchall()
    return [Amount(**dict(zip(names, row, strict=True))) for row in rows]


def _file(published: Path) -> str:
    # The folder is a link that a run replaces: resolved, so that what is read is of one run.
    file = published.resolve() / f"{MART}.parquet"
    if not file.exists():
        raise AmountError(f"{MART} is not published in {published}: run the pipeline with this version first")
    return str(file)
