"""Shapes of real traces: when requests come, how long they are, who makes them, how busy GPU pools are.

Here: reading ``shapes.json`` and drawing from it.
Not here: fitting (``tools/fit_simulator_shapes.py``) and levels, which belong to the organisation.

Sources: ServeGen (rates, clients, reasoning share), AzureLLMInferenceTrace 2023 and Mooncake (token lengths, cacheable
share), HeliosData (GPU allocation). The traces hide their calendar, so the quietest hour stands at 03:00 and the
quietest two adjacent days at the weekend.
"""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@cache
def parameters() -> dict[str, Any]:
    """The committed parameter tables, as ``tools/fit_simulator_shapes.py`` wrote them."""
    document: dict[str, Any] = json.loads(files(__package__).joinpath("shapes.json").read_text(encoding="utf-8"))
    return document


@cache
def _rates(profile: str) -> Floats:
    return np.array(parameters()["rate_profile"][profile])


def day_rates(profile: str, day: date) -> Floats:
    """24 multipliers of the week's mean rate; profiles: ``steady`` and ``office``."""
    rates: Floats = _rates(profile)[day.weekday()]
    return rates


def token_lengths(rng: np.random.Generator, kind: str, side: str, median: int, count: int, longest: int) -> Integers:
    """``count`` lengths with the trace's quantiles around ``median``, between 1 and ``longest``.

    kind: ``conversation`` or ``code``; side: ``input`` or ``output``. Quantiles are interpolated on a logarithmic
    scale.
    """
    at = parameters()["token_quantiles_at"]
    relative = np.log(parameters()["tokens"][kind][side]["relative_quantiles"])
    lengths = np.exp(np.interp(rng.random(count), at, relative)) * median
    return np.clip(lengths, 1, longest).astype(np.int64)


@cache
def client_weights(clients: int) -> Floats:
    """Shares of ``clients`` customers under the fitted Zipf law, largest first."""
    weights = np.arange(1, clients + 1) ** -float(parameters()["client_zipf_exponent"])
    return weights / weights.sum()


def pool_allocation(rng: np.random.Generator, pool: str, first_day: date, days: int) -> Floats:
    """Share of a pool's GPUs that jobs want, per hour: the trace's daily profile plus correlated noise, 0 to 1."""
    shape = parameters()["gpu_pools"][pool]
    hours = [
        shape["weekend_hours" if (first_day.toordinal() + offset - 1) % 7 >= 5 else "weekday_hours"]
        for offset in range(days)
    ]
    mean = np.array(hours).ravel() * shape["mean_allocation"]
    correlation = shape["hour_autocorrelation"]
    innovations = rng.normal(0, shape["residual_std"] * np.sqrt(1 - correlation**2), mean.size)
    residual = np.empty(mean.size)
    level = 0.0
    for hour, innovation in enumerate(innovations):
        level = correlation * level + innovation
        residual[hour] = level
    return np.clip(mean + residual, 0.0, 1.0)
