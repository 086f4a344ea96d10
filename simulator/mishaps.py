"""Mishaps of a day or two that the calls of one app suffer: storms of failures and of repetitions.

Here: what a mishap adds to an app's calls of a day, each from random numbers of its own, so that no other call changes.
Not here: when they happen (``simulator.organisation``), what they cost (``simulator.truths``).
"""

from __future__ import annotations

from datetime import date

import numpy as np

from simulator import organisation as org
from simulator import shapes
from simulator.randomness import stream

OK, THROTTLED, TIMED_OUT = 0, 1, 2
TIME_OUT_SECONDS = 120
_LATEST_SECOND = 86_390

Columns = dict[str, shapes.Integers]


def with_mishaps(parameters: org.Parameters, app: org.GatewayApp, day: date, columns: Columns) -> Columns:
    """The calls, in time order, with those that a mishap of the day adds; ``planted`` marks them."""
    columns = {**columns, "planted": np.zeros(columns["start_second"].size, dtype=np.int64)}
    if app.app == org.FAILING_APP and day in org.FAILING_DAYS:
        columns = _with(columns, _failures(columns, stream(parameters.seed, "failing", app.stream_name, day)))
    if app.app == org.REPEATING_APP and day in org.REPEATING_DAYS:
        columns = _with(columns, _repetitions(columns, stream(parameters.seed, "repeating", app.stream_name, day)))
    return columns


def _failures(columns: Columns, rng: np.random.Generator) -> Columns:
    """Every call times out several times before one is answered; people press the button again, nothing retries."""
    added, _ = _copies(columns, rng, org.FAILING_TIMES)
    added["start_second"] = np.maximum(added["start_second"] - rng.integers(121, 1_800, added["planted"].size), 0)
    added["duration_millis"] = np.full(added["planted"].size, TIME_OUT_SECONDS * 1000)
    added["status"] = np.full(added["planted"].size, TIMED_OUT)
    added["is_retry"] = np.zeros(added["planted"].size, dtype=np.int64)
    for name in ("output_tokens", "reasoning_tokens"):
        added[name] = added[name] // 3
    return added


def _repetitions(columns: Columns, rng: np.random.Generator) -> Columns:
    """A client takes every answer for a failure and asks again."""
    added, nth = _copies(columns, rng, org.REPEATING_TIMES)
    added["start_second"] = np.minimum(
        added["start_second"] + (nth + 1) * rng.integers(20, 90, added["planted"].size), _LATEST_SECOND
    )
    added["is_retry"] = np.ones(added["planted"].size, dtype=np.int64)
    return added


def _copies(columns: Columns, rng: np.random.Generator, mean: float) -> tuple[Columns, shapes.Integers]:
    """Copies of answered calls, ``mean`` of each on average, and which copy of its call each is."""
    answered = np.flatnonzero(columns["status"] == OK)
    times = rng.poisson(mean, answered.size)
    which = np.repeat(answered, times)
    nth = np.concatenate([np.arange(count) for count in times] or [np.zeros(0)]).astype(np.int64)
    added = {name: values[which].copy() for name, values in columns.items()}
    added["planted"] = np.ones(which.size, dtype=np.int64)
    added["start_nanos"] = rng.integers(0, 1_000_000_000, which.size)
    return added, nth


def _with(columns: Columns, added: Columns) -> Columns:
    merged = {name: np.concatenate([values, added[name]]) for name, values in columns.items()}
    order = np.argsort(merged["start_second"], kind="stable")
    return {name: values[order] for name, values in merged.items()}
