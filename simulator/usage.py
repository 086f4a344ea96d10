"""Token usage: the gateway's calls, one by one, and the dedicated accounts', hour by hour.

Here: how often, how long, for whom. Bill, spans and metrics are made from the same numbers, so they agree.
Not here: how they are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np

from simulator import organisation as org
from simulator import shapes
from simulator.meters import PRICE_CUT_DAY, TOKEN_MODELS
from simulator.mishaps import OK, THROTTLED, TIME_OUT_SECONDS, TIMED_OUT, with_mishaps
from simulator.randomness import stream

SECONDS_PER_DAY = 86_400
DAY_NOISE_SIGMA = 0.06
HOLIDAY_FACTOR = 0.62
_THROTTLED_SHARE = 0.018
_TIMED_OUT_SHARE = 0.008
_LONGEST_OUTPUT = 32_000
_CACHE_HIT_SHARE = 0.82
_CACHE_BLOCK_TOKENS = 128


def is_holiday(day: date) -> bool:
    """US holidays on which offices are quiet, from New Year and Memorial Day to Thanksgiving and Christmas."""
    if (day.month, day.day) in {(1, 1), (7, 4), (12, 25)}:
        return True
    if day.weekday() == 0:
        return (day.month == 9 and day.day <= 7) or (day.month == 5 and day.day >= 25)
    return day.weekday() == 3 and day.month == 11 and 22 <= day.day <= 28


def day_level(seed: int, name: str, day: date, growth_per_year: float, quiet_on_holidays: bool = True) -> float:
    """A day's level relative to the reference day: growth, holidays and about 6% of noise."""
    noise = float(np.exp(stream(seed, "level", name, day).normal(-(DAY_NOISE_SIGMA**2) / 2, DAY_NOISE_SIGMA)))
    holiday = HOLIDAY_FACTOR if quiet_on_holidays and is_holiday(day) else 1.0
    return org.growth(growth_per_year, day) * noise * holiday


def day_end_second(parameters: org.Parameters, day: date) -> int:
    """Seconds of a day that are over at ``as_of``."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(min(max((parameters.as_of - start).total_seconds(), 0), SECONDS_PER_DAY))


@dataclass(frozen=True)
class Calls:
    """One app's calls of one day, as columns, in time order. Times are seconds and nanoseconds after midnight UTC;
    every call ends that day. ``is_retry`` marks a call that repeats an earlier one, ``planted`` one that a mishap
    added."""

    app: org.GatewayApp
    start_second: shapes.Integers
    start_nanos: shapes.Integers
    duration_millis: shapes.Integers
    input_tokens: shapes.Integers
    cached_tokens: shapes.Integers
    output_tokens: shapes.Integers
    reasoning_tokens: shapes.Integers
    status: shapes.Integers
    customer: shapes.Integers
    user: shapes.Integers
    feature: shapes.Integers
    leaked: shapes.Integers
    is_retry: shapes.Integers
    planted: shapes.Integers

    def __len__(self) -> int:
        return len(self.start_second)


def gateway_calls(parameters: org.Parameters, day: date) -> list[Calls]:
    """Every call of a day through the gateway that had started by ``as_of``, in time order per app."""
    brief = [one.app for one in org.BRIEF_USES if day in one.days]
    return [_app_calls(parameters, app, day) for app in (*org.GATEWAY_APPS, *brief)]


def _app_calls(parameters: org.Parameters, app: org.GatewayApp, day: date) -> Calls:
    rng = stream(parameters.seed, "calls", app.stream_name, day)
    level = day_level(parameters.seed, app.stream_name, day, app.growth_per_year, app.profile == "office")
    if app.app == org.LAUNCHED_APP and day >= org.LAUNCH_DAY:
        level *= org.LAUNCH_FACTOR
    hourly = app.calls_per_day / 24 * level * parameters.scale * shapes.day_rates(app.profile, day)
    sigma = shapes.parameters()["hourly_noise_sigma"]
    counts = rng.poisson(hourly * np.exp(rng.normal(-(sigma**2) / 2, sigma, 24)))
    starts = np.concatenate([hour * 3600 + rng.integers(0, 3600, n) for hour, n in enumerate(counts)])
    leaked = np.zeros(starts.size, dtype=np.int64)
    if app.app == org.LEAKED_APP and day >= org.LEAK_STARTS_AT.date():
        extra = _leaked_starts(rng, hourly, day)
        starts = np.concatenate([starts, extra])
        leaked = np.concatenate([leaked, np.ones(extra.size, dtype=np.int64)])
    order = np.argsort(starts, kind="stable")
    starts, leaked = starts[order], leaked[order]
    n = starts.size

    model = TOKEN_MODELS[app.model]
    longest = model.context_tokens - _LONGEST_OUTPUT if app.output_median else model.context_tokens
    inputs = shapes.token_lengths(rng, app.kind, "input", app.input_median, n, min(longest, 6 * app.input_median))
    if app.app == org.UNCACHED_APP:
        # The same long instructions precede every contract, and nothing of them is ever read from the cache.
        inputs = np.maximum(inputs, int(app.input_median * org.UNCACHED_PREFIX_SHARE))
    hits = rng.random(n) < _CACHE_HIT_SHARE
    cached = np.where(hits, inputs * np.clip(rng.normal(app.cached_share / _CACHE_HIT_SHARE, 0.12, n), 0, 0.95), 0)
    cached = cached.astype(np.int64) // _CACHE_BLOCK_TOKENS * _CACHE_BLOCK_TOKENS * bool(app.cached_share)
    outputs = np.zeros(n, dtype=np.int64)
    if app.output_median:
        outputs = shapes.token_lengths(rng, app.kind, "output", app.output_median, n, _LONGEST_OUTPUT)
    reasoning = np.zeros(n, dtype=np.int64)
    if app.reasoning:
        share = shapes.parameters()["reasoning_share_of_output"]
        reasoning = (outputs * np.clip(rng.normal(share, 0.1, n), 0, 0.97)).astype(np.int64)
    draw = rng.random(n)
    failed = np.where(
        draw < _THROTTLED_SHARE, THROTTLED, np.where(draw < _THROTTLED_SHARE + _TIMED_OUT_SHARE, TIMED_OUT, OK)
    )
    columns = {
        "start_second": starts,
        "start_nanos": rng.integers(0, 1_000_000_000, n),
        "duration_millis": ((900 + outputs * 9 + inputs // 60) * app.latency_factor).astype(np.int64)
        + rng.integers(0, 800, n),
        "input_tokens": inputs,
        "cached_tokens": cached,
        "output_tokens": outputs,
        "reasoning_tokens": reasoning,
        "status": np.zeros(n, dtype=np.int64),
        "customer": rng.choice(app.customers, n, p=shapes.client_weights(app.customers)),
        "user": rng.integers(0, 400, n),
        "feature": rng.integers(0, len(app.features), n),
        "leaked": leaked,
        "is_retry": (failed != OK).astype(np.int64),
    }
    columns = with_mishaps(parameters, app, day, _with_failed_attempts(columns, failed))
    until_midnight = SECONDS_PER_DAY * 1000 - columns["start_second"] * 1000 - columns["start_nanos"] // 1_000_000 - 2
    columns["duration_millis"] = np.minimum(columns["duration_millis"], np.maximum(until_midnight, 1))
    keep = columns["start_second"] < day_end_second(parameters, day)
    return Calls(app=app, **{name: values[keep] for name, values in columns.items()})


def _with_failed_attempts(columns: dict[str, shapes.Integers], failed: shapes.Integers) -> dict[str, shapes.Integers]:
    """Put the failed attempt before each call that repeats one: throttled ones are free, timed-out ones are not."""
    which = np.flatnonzero(failed)
    attempts = {name: values[which].copy() for name, values in columns.items()}
    attempts["status"] = failed[which]
    attempts["is_retry"] = np.zeros(which.size, dtype=np.int64)
    throttled = failed[which] == THROTTLED
    attempts["duration_millis"] = np.where(throttled, 60, TIME_OUT_SECONDS * 1000)
    attempts["start_second"] = np.maximum(attempts["start_second"] - np.where(throttled, 2, TIME_OUT_SECONDS + 1), 0)
    for name in ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens"):
        attempts[name] = np.where(throttled, 0, attempts[name])
    for name in ("output_tokens", "reasoning_tokens"):
        attempts[name] //= 3
    merged = {name: np.concatenate([attempts[name], values]) for name, values in columns.items()}
    order = np.argsort(merged["start_second"], kind="stable")
    return {name: values[order] for name, values in merged.items()}


def _leaked_starts(rng: np.random.Generator, hourly: shapes.Floats, day: date) -> shapes.Integers:
    """Whoever has the key calls evenly, day and night, seven times as often as the app itself does on average."""
    from_second = 0
    if day == org.LEAK_STARTS_AT.date():
        from_second = int((org.LEAK_STARTS_AT - datetime(day.year, day.month, day.day, tzinfo=UTC)).total_seconds())
    expected = hourly.mean() * (org.LEAK_FACTOR - 1) * (SECONDS_PER_DAY - from_second) / 3600
    return rng.integers(from_second, SECONDS_PER_DAY, int(rng.poisson(expected)))


TokenTotals = dict[tuple[str, str], int]
"""Tokens by (model, kind); kinds are ``input`` (uncached), ``cached`` and ``output``."""


def gateway_tokens(calls: list[Calls]) -> TokenTotals:
    """Tokens that the gateway's calls are billed for. Timed-out calls are billed; throttled ones have no tokens."""
    totals: TokenTotals = {}
    for group in calls:
        cached = int(group.cached_tokens.sum())
        for kind, tokens in (
            ("input", int(group.input_tokens.sum()) - cached),
            ("cached", cached),
            ("output", int(group.output_tokens.sum())),
        ):
            if tokens:
                key = (group.app.model, kind)
                totals[key] = totals.get(key, 0) + tokens
    return totals


@dataclass(frozen=True)
class DeploymentHours:
    """One deployment's day, by hour: requests and tokens as Azure Monitor counts them (input includes cached).
    ``missed_cache_tokens``: what the cache would have served on a day on which it served nothing."""

    account: org.Account
    deployment: org.Deployment
    requests: shapes.Integers
    input_tokens: shapes.Integers
    cached_tokens: shapes.Integers
    output_tokens: shapes.Integers
    missed_cache_tokens: shapes.Integers

    def billed_tokens(self) -> dict[str, int]:
        cached = int(self.cached_tokens.sum())
        return {
            "input": int(self.input_tokens.sum()) - cached,
            "cached": cached,
            "output": int(self.output_tokens.sum()),
        }


def dedicated_hours(parameters: org.Parameters, day: date) -> Iterator[DeploymentHours]:
    """Every deployment of every dedicated account on a day; hours after ``as_of`` are empty."""
    hours_over = -(-day_end_second(parameters, day) // 3600)
    for account in org.ACCOUNTS:
        for deployment in account.deployments:
            yield _deployment_hours(parameters, account, deployment, day, hours_over)


def _deployment_hours(
    parameters: org.Parameters, account: org.Account, deployment: org.Deployment, day: date, hours_over: int
) -> DeploymentHours:
    name = f"{account.name}/{deployment.name}"
    rng = stream(parameters.seed, "deployment", name, day)
    level = day_level(parameters.seed, name, day, deployment.growth_per_year, deployment.profile == "office")
    sigma = shapes.parameters()["hourly_noise_sigma"] / 3  # many clients together are steadier than the trace's few
    rate = level * shapes.day_rates(deployment.profile, day) * np.exp(rng.normal(0, sigma, 24))
    requests = rng.poisson(_requests_per_hour(deployment) * rate * parameters.scale)
    requests[hours_over:] = 0
    spread = np.exp(rng.normal(0, 0.05, 24))
    inputs = (requests * deployment.tokens_per_request * spread).astype(np.int64)
    share = np.clip(rng.normal(deployment.cached_share, 0.03, 24), 0, 0.9) if deployment.cached_share else np.zeros(24)
    cached = (inputs * share).astype(np.int64) // 128 * 128
    outputs = (inputs * deployment.output_per_input * np.exp(rng.normal(0, 0.04, 24))).astype(np.int64)
    missed = np.zeros_like(cached)
    if account.name == org.CACHE_LOST_ACCOUNT and day in org.CACHE_LOST_DAYS:
        cached, missed = missed, cached
    return DeploymentHours(account, deployment, requests.astype(np.int64), inputs, cached, outputs, missed)


def _requests_per_hour(deployment: org.Deployment) -> float:
    """Requests an hour that cost ``daily_cost_usd`` a day at the reference day's prices."""
    model = TOKEN_MODELS[deployment.model]
    day = max(org.REFERENCE_DAY, PRICE_CUT_DAY)
    half = Decimal("0.5") if deployment.billing == "batch" else Decimal(1)
    share, output = Decimal(str(deployment.cached_share)), Decimal(str(deployment.output_per_input))
    per_1m = model.price_per_1m("input", day) * (1 - share)
    if share:
        per_1m += model.price_per_1m("cached", day) * share
    if output:
        per_1m += model.price_per_1m("output", day) * output
    return deployment.daily_cost_usd * 1e6 / float(per_1m * half) / deployment.tokens_per_request / 24
