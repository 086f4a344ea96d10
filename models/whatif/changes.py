"""What each kind of change does to cells.

Here: cells in, cells out, for given numbers; the sentence that describes a change.
Not here: which numbers (run), where cells come from (base).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np

from finops.config import scenarios as s
from finops.tokens import INPUT_CLASSES, TEXT_INPUT_CLASSES, TokenClass
from models.series import Floats
from models.whatif.base import Base, Notes, ProvisionedPool, WhatIfError
from models.whatif.cells import Cell, matches

Values = Mapping[str, float]
"""Setting → its number, for the settings of a change that are amounts."""

_GPU_CATEGORIES = ("gpu_compute", "training")


def apply(change: s.Change, values: Values, cells: list[Cell], base: Base, notes: Notes) -> list[Cell]:
    """The cells after the change.

    Raises:
        WhatIfError: the change means nothing that there is, or has no price.
    """
    phase = _phase(change, base)
    match change:
        case s.TrafficChange():
            return _traffic(change, values, cells, base, phase)
        case s.ModelSwitch():
            return _model_switch(change, values, cells, base, phase, notes)
        case s.PriceChange():
            return _price(change, values, cells, base, phase)
        case s.CacheRate():
            return _cache_rate(change, values, cells, base, phase, notes)
        case s.BatchShare():
            return _batch_share(change, values, cells, base, phase, notes)
        case s.GpuPrice():
            return _gpu_price(change, values, cells, base, phase)
        case s.ProvisionedUnits():
            notes.add("What is asked of provisioned units is taken to be as in the last four weeks")
            return _provisioned_units(change, values, cells, base, phase)
        case s.NewFeature():
            return _new_feature(change, values, cells, base, phase, notes)


def amounts(change: s.Change) -> dict[str, s.Amount]:
    """The settings of a change that are numbers with a possible range."""
    names = ("factor", "share", "input_tokens", "output_tokens", "rate", "units", "requests_per_day")
    return {name: getattr(change, name) for name in names if hasattr(change, name)}


def sentence(change: s.Change) -> str:
    """The change in words."""
    if change.description:
        return change.description
    whose = ", ".join(" or ".join(values) for values in change.where.values.values()) or "all"
    match change:
        case s.TrafficChange():
            return f"traffic of {whose} × {_number(change.factor)}"
        case s.ModelSwitch():
            return f"{_percent(change.share)} of {whose} to {change.to_model}"
        case s.PriceChange():
            return f"prices of {whose} × {_number(change.factor)}"
        case s.CacheRate():
            return f"{_percent(change.rate)} of the input of {whose} from the cache"
        case s.BatchShare():
            return f"{_percent(change.share)} of {whose} in batch"
        case s.GpuPrice():
            return f"GPU prices of {whose} × {_number(change.factor)}"
        case s.ProvisionedUnits():
            return f"{_number(change.units)} provisioned units in {change.pool}"
        case s.NewFeature():
            return f"new feature {change.feature} with {_number(change.requests_per_day)} calls a day"


def _number(amount: s.Amount) -> str:
    low, high = s.bounds(amount)
    return f"{low:,f}" if low == high else f"{low:,f} to {high:,f}"


def _percent(amount: s.Amount) -> str:
    low, high = s.bounds(amount)
    return f"{low:.0%}" if low == high else f"{low:.0%} to {high:.0%}"


def _phase(change: s.Change, base: Base) -> Floats:
    """How complete the change is on each day of the horizon, 0 to 1."""
    starts: date = change.starts_on or base.first_day
    since = np.arange(base.days) - (starts - base.first_day).days
    return np.clip((since + 1) / (change.ramp_days + 1), 0.0, 1.0)


def _tokens(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.token_class is not None]


def _selected(change: s.Change, cells: list[Cell], base: Base) -> set[int]:
    return {id(cell) for cell in base.select(change.where, _tokens(cells), "usage")}


def _traffic(change: s.TrafficChange, values: Values, cells: list[Cell], base: Base, phase: Floats) -> list[Cell]:
    chosen = _selected(change, cells, base)
    factor = 1 + (values["factor"] - 1) * phase
    return [replace(cell, volume=cell.volume * factor) if id(cell) in chosen else cell for cell in cells]


def _model_switch(
    change: s.ModelSwitch, values: Values, cells: list[Cell], base: Base, phase: Floats, notes: Notes
) -> list[Cell]:
    chosen = _selected(change, cells, base)
    moved = values["share"] * phase
    result = []
    for cell in cells:
        provider = change.to_provider or cell.provider
        if id(cell) not in chosen or (provider, change.to_model) == (cell.provider, cell.model):
            result.append(cell)
            continue
        if provider is None or cell.token_class is None:
            raise WhatIfError(f"usage of {cell.model or 'an unknown model'} has no provider: say to_provider")
        base.prices.require(provider, change.to_model)
        same = provider == cell.provider
        there = replace(
            cell,
            provider=provider,
            model=change.to_model,
            per_day=cell.per_day * values["input_tokens" if cell.token_class in INPUT_CLASSES else "output_tokens"],
            volume=cell.volume * moved,
            price=np.ones(base.days),
            region_id=cell.region_id if same else None,
            deployment_type=cell.deployment_type if same else None,
            # What the bill takes off the list price is agreed with one provider.
            calibration=cell.calibration if same else 1.0,
        )
        price = base.prices.require_per_token(there, cell.token_class, notes)
        result.append(replace(cell, volume=cell.volume * (1 - moved)))
        result.append(replace(there, unit_cost=price * there.calibration))
    return result


def _price(change: s.PriceChange, values: Values, cells: list[Cell], base: Base, phase: Floats) -> list[Cell]:
    chosen = _selected(change, cells, base)
    classes = set(change.token_class)
    factor = 1 + (values["factor"] - 1) * phase
    return [
        replace(cell, price=cell.price * factor)
        if id(cell) in chosen and (not classes or cell.token_class in classes)
        else cell
        for cell in cells
    ]


def _cache_rate(
    change: s.CacheRate, values: Values, cells: list[Cell], base: Base, phase: Floats, notes: Notes
) -> list[Cell]:
    chosen = _selected(change, cells, base)
    groups: dict[tuple[object, ...], list[Cell]] = defaultdict(list)
    result = []
    for cell in cells:
        if id(cell) in chosen and cell.token_class in TEXT_INPUT_CLASSES:
            groups[_all_but_class(cell)].append(cell)
        else:
            result.append(cell)
    for group in groups.values():
        result += _cached(group, values["rate"], base, phase, notes)
    return result


def _all_but_class(cell: Cell) -> tuple[object, ...]:
    return (
        cell.team, cell.app, cell.feature, cell.environment, cell.provider, cell.model, cell.region_id,
        cell.deployment_type, cell.service_tier, cell.context_tier, cell.grows_with,
    )  # fmt: skip


def _cached(group: list[Cell], rate: float, base: Base, phase: Floats, notes: Notes) -> list[Cell]:
    """Input of one kind of usage with another cached share; what is written to the cache stays, as far as it can."""
    first = group[0]
    every = sum((cell.per_day * cell.volume for cell in group), np.zeros(base.days))
    read = sum(
        (cell.per_day * cell.volume for cell in group if cell.token_class == TokenClass.CACHE_READ), np.zeros(base.days)
    )
    wanted = read + (rate * every - read) * phase
    rest_now = every - read
    rest = every - wanted
    # Uncached and written input keep their proportion to each other.
    shrink = np.divide(rest, rest_now, out=np.zeros(base.days), where=rest_now > 0)
    cells = [replace(cell, volume=cell.volume * shrink) for cell in group if cell.token_class != TokenClass.CACHE_READ]
    if not any(cell.token_class != TokenClass.CACHE_READ for cell in group) and (rest > 0).any():
        cells.append(_input_cell(first, TokenClass.INPUT_UNCACHED, rest, base, notes))
    reads = [cell for cell in group if cell.token_class == TokenClass.CACHE_READ and cell.per_day > 0]
    if reads:
        scale = np.divide(wanted, read, out=np.zeros(base.days), where=read > 0)
        cells += [replace(cell, volume=cell.volume * scale) for cell in reads]
    elif (wanted > 0).any():
        cells.append(_input_cell(first, TokenClass.CACHE_READ, wanted, base, notes))
    return cells


def _input_cell(like: Cell, token_class: TokenClass, tokens: Floats, base: Base, notes: Notes) -> Cell:
    price = base.prices.require_per_token(like, token_class, notes)
    return replace(
        like, token_class=token_class, per_day=1.0, unit_cost=price * like.calibration, volume=tokens,
        price=np.ones(base.days),
    )  # fmt: skip


def _batch_share(
    change: s.BatchShare, values: Values, cells: list[Cell], base: Base, phase: Floats, notes: Notes
) -> list[Cell]:
    chosen = _selected(change, cells, base)
    moved = values["share"] * phase
    result = []
    for cell in cells:
        if id(cell) not in chosen or cell.service_tier != "standard" or cell.token_class is None:
            result.append(cell)
            continue
        # Where batch has no price for cached input, full batch input stands in: providers promise no cache there.
        there = replace(cell, service_tier="batch")
        found = base.prices.per_token(there, cell.token_class)
        if found is None:
            notes.add(f"{cell.model} of {cell.provider} has no batch price for {cell.token_class.value}: it stays")
            result.append(cell)
            continue
        result.append(replace(cell, volume=cell.volume * (1 - moved)))
        result.append(replace(there, unit_cost=found.per_token * cell.calibration, volume=cell.volume * moved))
    return result


def _gpu_price(change: s.GpuPrice, values: Values, cells: list[Cell], base: Base, phase: Floats) -> list[Cell]:
    machines = [cell for cell in cells if cell.category in _GPU_CATEGORIES]
    chosen = {id(cell) for cell in base.select(change.where, machines, "GPU cost")}
    factor = 1 + (values["factor"] - 1) * phase
    return [replace(cell, price=cell.price * factor) if id(cell) in chosen else cell for cell in cells]


def _provisioned_units(
    change: s.ProvisionedUnits, values: Values, cells: list[Cell], base: Base, phase: Floats
) -> list[Cell]:
    pool = next((pool for pool in base.provisioned if pool.pool_id == change.pool), None)
    if pool is None:
        known = ", ".join(sorted(pool.pool_id for pool in base.provisioned)) or "none"
        raise WhatIfError(f"no provisioned units of pool {change.pool!r} were used. Known: {known}")
    bought = [
        cell for cell in cells if cell.resource_id == pool.resource_id and cell.category == "provisioned_capacity"
    ]
    if not bought:
        raise WhatIfError(f"no cost of provisioned capacity is on the bill for {pool.resource_id}")
    factor = 1 + (values["units"] / pool.units - 1) * phase
    chosen = {id(cell) for cell in bought}
    largest = max(bought, key=lambda cell: (cell.app is not None, cell.per_day))
    result = [replace(cell, price=cell.price * factor) if id(cell) in chosen else cell for cell in cells]
    result.append(
        replace(
            largest,
            category="inference",
            per_day=_spilled(pool, values["units"]) - _spilled(pool, pool.units),
            unit_cost=1.0,
            volume=phase,
            price=np.ones(base.days),
            resource_id=None,
        )
    )
    return result


def _spilled(pool: ProvisionedPool, units: float) -> float:
    """Money a day for calls beyond the units, hour by hour of the window."""
    beyond = np.maximum(pool.demand_units - units, 0.0).sum()
    return float(beyond / (pool.demand_units.size / 24) * pool.pay_as_you_go_unit_hour_cost)


def _new_feature(
    change: s.NewFeature, values: Values, cells: list[Cell], base: Base, phase: Floats, notes: Notes
) -> list[Cell]:
    """Cells of the new feature; they follow no forecast, because its load is what the scenario says."""
    like = _like(change, base)
    made = []
    for cell in like:
        if cell.token_class is None or cell.provider is None or cell.model is None:
            continue
        base.prices.require(cell.provider, cell.model)
        price = base.prices.require_per_token(cell, cell.token_class, notes)
        made.append(
            replace(
                cell,
                team=change.team or cell.team,
                app=change.app or cell.app,
                feature=change.feature,
                per_day=cell.per_day * values["requests_per_day"],
                unit_cost=price * cell.calibration,
                volume=phase,
                price=np.ones(base.days),
                grows_with=None,
            )
        )
    return [*cells, *made]


def _like(change: s.NewFeature, base: Base) -> list[Cell]:
    """Cells whose ``per_day`` is tokens of one call."""
    ones = np.ones(base.days)
    if change.tokens_per_request:
        return [
            Cell(
                category="inference", team=change.team, app=change.app, feature=change.feature, environment=None,
                provider=change.provider, model=change.model, per_day=float(tokens), unit_cost=0.0, volume=ones,
                price=ones, grows_with=None, token_class=token_class,
            )
            for token_class, tokens in change.tokens_per_request.items()
        ]  # fmt: skip
    cells = base.select(change.where, _tokens(list(base.cells)), "usage")
    requests = sum(count for cell, count in base.requests if matches(cell, change.where))
    if requests <= 0:
        raise WhatIfError(
            f"nobody counts the calls of {change.where.values}, so what one takes is not known: give tokens_per_request"
        )
    return [
        replace(
            cell,
            per_day=cell.per_day / requests,
            model=change.model or cell.model,
            provider=change.provider or cell.provider,
            calibration=cell.calibration if change.provider in (None, cell.provider) else 1.0,
        )
        for cell in cells
    ]
