"""The quick candidates: exponential smoothing with a season, windows of past seasons, a year and its trend.

Here: what each of them would have said at every backtest origin of many series at once. A recursive candidate walks
through a series once and is asked at each origin on the way, so a backtest costs no more than the forecast itself.
Not here: how much each is trusted (blend), how wrong they all may be (intervals), Prophet.

Every candidate at an origin uses the points before it only.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.series import Floats

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ODD_SPREADS = 8.0
"""An error beyond this many spreads is a spike and hardly news. On the daily development series 5 was worse than 8, and
never doubting anything as good as 8; but a runaway job of three days must not be forecast to come back."""

NEW_LEVEL_AFTER = 4
"""The fourth odd point on one side is a new level, not a spike: long weekends and most runaway jobs end before."""

BELIEVED_SHARE = 0.25
"""What a spike teaches, as a share of the limit that it broke."""

SPREAD_MEMORY = 0.06
NEW_LEVEL_GAIN = 0.85
SMALLEST_SHARE_FOR_LOGARITHMS = 0.02
"""Logarithms need values above 0; a series with points below 2% of its median would be ruled by them."""


@dataclass(frozen=True)
class Smoothing:
    """Additive exponential smoothing: gains of level, trend and season; ``damping`` of the trend by step; ``drift`` is
    the share of the trend that forecasts go on with (half of it is the Theta method)."""

    name: str
    level: float
    trend: float = 0.0
    season: float = 0.1
    damping: float = 1.0
    drift: float = 1.0


REFERENCE = Smoothing("level", 0.2)
SMOOTHINGS = (
    REFERENCE,
    Smoothing("slow_level", 0.05, season=0.05),
    Smoothing("steady_level", 0.1, season=0.15),
    Smoothing("quick_level", 0.4),
    Smoothing("newest_level", 0.8),
    Smoothing("damped_trend", 0.2, trend=0.05, damping=0.97),
    Smoothing("long_trend", 0.1, trend=0.02, damping=0.995),
    Smoothing("theta", 0.2, trend=0.01, drift=0.5),
    Smoothing("plain_level", 0.2, season=0.0),
    Smoothing("plain_slow_level", 0.05, season=0.0),
)


@dataclass(frozen=True)
class Batch:
    """Series of one rhythm, aligned at their ends: ``values`` is rows × points, NaN before a series starts and in its
    gaps. ``jumps`` marks points at which a known event may move the level. ``seasons`` are lengths in points, short to
    long, the longer a multiple of the shorter; ``year`` is the points of a year, 0 for none."""

    values: Floats
    starts: Ints
    jumps: Flags
    seasons: tuple[int, ...]
    year: int
    origins: Ints
    """rows × folds, oldest first: numbers of columns known; -1 for no fold. The last fold is the forecast itself."""
    horizon: int

    @property
    def rows(self) -> int:
        return int(self.values.shape[0])

    @property
    def points(self) -> int:
        return int(self.values.shape[1])


@dataclass(frozen=True)
class Predictions:
    """``values`` is rows × candidates × folds × horizon; NaN where a candidate has nothing to say.

    ``noise`` is rows × folds: the one-step spread at each origin, in the unit of the series.
    """

    names: tuple[str, ...]
    values: Floats
    noise: Floats


def predict(batch: Batch) -> Predictions:
    """What every candidate says at every origin."""
    names: list[str] = []
    said: list[Floats] = []
    plain = _smooth(batch, batch.values)
    names += [one.name for one in SMOOTHINGS]
    said += [plain.said[:, c] for c in range(len(SMOOTHINGS))]
    positive = may_take_logarithms(batch.values)
    if positive.any():
        part = _only(batch, positive)
        log = _smooth(part, np.log(part.values))
        ceiling = np.nanmax(np.log(part.values), axis=1)[:, None, None, None] + 1.5
        answer = np.full((batch.rows, *log.said.shape[1:]), np.nan)
        answer[positive] = np.exp(np.minimum(log.said, ceiling))
        names += [f"{one.name}_log" for one in SMOOTHINGS]
        said += [answer[:, c] for c in range(len(SMOOTHINGS))]
    windows = _windows(batch, plain)
    names += list(windows)
    said += list(windows.values())
    return Predictions(tuple(names), np.stack(said, axis=1), plain.noise)


def may_take_logarithms(values: Floats) -> Flags:
    """Per row: do all values lie well above 0?"""
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        smallest, middle = np.nanmin(values, axis=1), np.nanmedian(values, axis=1)
        return (smallest > 0) & (smallest > SMALLEST_SHARE_FOR_LOGARITHMS * middle)


def _only(batch: Batch, rows: Flags) -> Batch:
    return Batch(
        batch.values[rows], batch.starts[rows], batch.jumps[rows], batch.seasons, batch.year, batch.origins[rows],
        batch.horizon,
    )  # fmt: skip


# ── recursive candidates ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Smoothed:
    said: Floats
    """rows × smoothings × folds × horizon"""
    noise: Floats
    clipped: Floats
    """Each point as far as it was believed when it came."""
    believed_from: Ints
    """Column after which a point is believed as it is; the number of points for never."""


def _smooth(batch: Batch, values: Floats) -> _Smoothed:
    rows, points = values.shape
    seasons = batch.seasons or (1,)
    level_gain = np.array([one.level for one in SMOOTHINGS])
    trend_gain = np.array([one.trend for one in SMOOTHINGS])
    season_gain = np.array([one.season for one in SMOOTHINGS])
    damping = np.array([one.damping for one in SMOOTHINGS])
    has_season = season_gain > 0
    ahead = np.arange(1, batch.horizon + 1)
    run_out = np.stack([np.cumsum(one.damping**ahead) * one.drift for one in SMOOTHINGS])
    level, seasonal = _beginning(values, batch.starts, seasons)
    level = np.repeat(level[:, None], len(SMOOTHINGS), axis=1)
    state = [np.where(has_season[None, :, None], part[:, None, :], 0.0) for part in seasonal]
    trend = np.zeros_like(level)
    spread = _first_spread(values, batch.starts, seasons[0])
    seen = np.zeros(rows)
    visits = [np.zeros((rows, season)) for season in seasons]
    run, side = np.zeros(rows, dtype=np.int64), np.zeros(rows)
    clipped, believed = values.copy(), np.tile(np.arange(points), (rows, 1))
    said = np.full((rows, len(SMOOTHINGS), batch.origins.shape[1], batch.horizon), np.nan)
    noise = np.full(batch.origins.shape, np.nan)
    due = _by_column(batch.origins)
    floor = 1e-9 * np.maximum(np.nan_to_num(np.nanmax(np.abs(values), axis=1)), 1e-9)

    for t in range(points + 1):
        if t in due:
            who, fold = due[t]
            answer = level[who][:, :, None] + trend[who][:, :, None] * run_out[None]
            for season, part in zip(seasons, state, strict=True):
                answer += part[who][:, :, (t + ahead - 1) % season]
            said[who, :, fold] = answer
            noise[who, fold] = spread[who]
        if t == points:
            break
        slots = [t % season for season in seasons]
        predicted = level + damping * trend
        for slot, part in zip(slots, state, strict=True):
            predicted = predicted + part[:, :, slot]
        x = values[:, t]
        present = ~np.isnan(x)
        error = np.where(present, x - predicted[:, 0], 0.0)
        limit = np.maximum(ODD_SPREADS * spread, 0.0)
        odd = present & (np.abs(error) > limit) & (seen >= 2 * seasons[0])
        sign = np.sign(error)
        run = np.where(odd, np.where(sign == side, run + 1, 1), np.where(present, 0, run))
        side = np.where(odd, sign, np.where(present, 0.0, side))
        settled = odd & ((run >= NEW_LEVEL_AFTER) | batch.jumps[:, t])
        doubted = odd & ~settled
        for row in np.flatnonzero(doubted):
            clipped[row, t] = predicted[row, 0] + sign[row] * limit[row] * BELIEVED_SHARE
            believed[row, t] = points
        for row in np.flatnonzero(settled):
            back = slice(max(t - 3 * NEW_LEVEL_AFTER, 0), t)
            recent = believed[row, back]
            recent[recent == points] = t
        believed_error = np.where(doubted, sign * limit * BELIEVED_SHARE, error)
        shift = believed_error - error
        errors = np.where(present[:, None], x[:, None] - predicted + shift[:, None], 0.0)
        gain = np.maximum(level_gain, (1.0 / (seen + 2 * seasons[0] + 1.0))[:, None])
        gain = np.where(settled[:, None], np.maximum(gain, NEW_LEVEL_GAIN), gain)
        level = level + damping * trend + gain * errors
        trend = damping * trend + np.where(settled[:, None], 0.0, gain * trend_gain * errors)
        rest = np.where(settled[:, None], 0.0, errors * (1 - gain))
        for slot, part, count in zip(slots, state, visits, strict=True):
            step = np.maximum(season_gain, 1.0 / (count[:, slot] + 4.0)[:, None]) * has_season
            part[:, :, slot] += step * rest / len(seasons)
            count[:, slot] += present
        spread = np.where(
            present, (1 - SPREAD_MEMORY) * spread + SPREAD_MEMORY * 1.25 * np.minimum(np.abs(error), limit), spread
        )
        spread = np.maximum(spread, floor)
        seen += present
    return _Smoothed(said, noise, clipped, believed)


def _beginning(values: Floats, starts: Ints, seasons: tuple[int, ...]) -> tuple[Floats, list[Floats]]:
    """Level and seasonal shape of the first two seasons of each series."""
    rows, points = values.shape
    level = np.zeros(rows)
    seasonal = [np.zeros((rows, season)) for season in seasons]
    for row in range(rows):
        first = int(starts[row])
        rest = values[row, first : first + 2 * seasons[0]].copy()
        level[row] = np.nanmedian(rest) if np.isfinite(rest).any() else 0.0
        for number, season in enumerate(seasons):
            span = values[row, first : first + 2 * season]
            if season < 2 or span.size < 2 * season or first + 2 * season > points - season:
                continue
            place = np.arange(first, first + span.size)
            left = span - level[row]
            for before, part in zip(seasons[:number], seasonal[:number], strict=True):
                left = left - part[row, place % before]
            both = left.reshape(2, season)
            known = np.isfinite(both)
            mean = np.where(known, both, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
            seasonal[number][row, place[:season] % season] = mean - mean.mean()
    return level, seasonal


def _first_spread(values: Floats, starts: Ints, season: int) -> Floats:
    """Median size of the change from season to season in the first four."""
    result = np.ones(values.shape[0])
    for row in range(values.shape[0]):
        first = values[row, int(starts[row]) : int(starts[row]) + 5 * season + 10]
        lag = season if first.size > season + 3 else 1
        change = np.abs(first[lag:] - first[:-lag])
        change = change[np.isfinite(change)]
        size = float(np.median(change)) if change.size else 0.0
        if size <= 0:
            size = float(np.mean(change)) if change.size else 0.0
        result[row] = size if size > 0 else max(float(np.nanmax(np.abs(first), initial=0.0)), 1e-9) * 0.1
    return result


def _by_column(origins: Ints) -> dict[int, tuple[Ints, Ints]]:
    who, fold = np.nonzero(origins >= 0)
    columns = origins[who, fold]
    return {int(t): (who[columns == t], fold[columns == t]) for t in np.unique(columns)}


# ── candidates that look at windows ───────────────────────────────────────────────────────────────────────────────────


def _windows(batch: Batch, smoothed: _Smoothed) -> dict[str, Floats]:
    shape = (batch.rows, batch.origins.shape[1], batch.horizon)
    seasons = batch.seasons or (1,)
    plans = _window_plans(seasons)
    result = {name: np.full(shape, np.nan) for name in ["seasonal_naive", *plans, "profile_level"]}
    if batch.year:
        result["last_year"] = np.full(shape, np.nan)
        result["last_year_changed"] = np.full(shape, np.nan)
    ahead = np.arange(batch.horizon)
    for (start, t), (who, fold) in _by_length(batch).items():
        raw = batch.values[who, start:t]
        base = np.where(smoothed.believed_from[who, start:t] < t, raw, smoothed.clipped[who, start:t])
        known = t - start
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            result["seasonal_naive"][who, fold] = _naive(base, seasons[0], ahead)
            for name, (season, count, how) in plans.items():
                # Of too few seasons it would be a shorter window's twin, and count twice in the blend.
                if known >= season * (count // 2 + (count > 1)):
                    cycles = _cycles(base, season, count, ahead)
                    result[name][who, fold] = np.nanmean(cycles, axis=0) if how == "mean" else np.nanmedian(cycles, 0)
            longest = seasons[-1] if known > 3 * seasons[-1] else seasons[0]
            result["profile_level"][who, fold] = _profile_level(base, longest, ahead)
            if batch.year and known > batch.year + 14:
                yearly, changed = _last_year(base, batch.year, seasons[0], ahead)
                result["last_year"][who, fold] = yearly
                result["last_year_changed"][who, fold] = changed
    return result


def _by_length(batch: Batch) -> dict[tuple[int, int], tuple[Ints, Ints]]:
    """Rows and folds by (start, origin): what lies before a series must not count as a part of it."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for who, fold in zip(*np.nonzero(batch.origins >= 0), strict=True):
        key = (int(batch.starts[who]), int(batch.origins[who, fold]))
        found.setdefault(key, []).append((int(who), int(fold)))
    pairs = {key: np.array(members, dtype=np.int64) for key, members in found.items()}
    return {key: (members[:, 0], members[:, 1]) for key, members in pairs.items()}


def _naive(base: Floats, season: int, ahead: Ints) -> Floats:
    """The last season again; in its gaps the one before, and where there is none the mean: it always has an answer."""
    mean = np.where(np.isfinite(base).any(axis=1), np.nanmean(base, axis=1), 0.0)
    answer = np.repeat(mean[:, None], ahead.size, axis=1)
    for cycle in _cycles(base, season, 8, ahead)[::-1]:
        answer = np.where(np.isfinite(cycle), cycle, answer)
    return answer


def _window_plans(seasons: tuple[int, ...]) -> dict[str, tuple[int, int, str]]:
    plans: dict[str, tuple[int, int, str]] = {}
    for season in seasons:
        for count in (2, 4, 8):
            plans[f"mean_{count}x{season}"] = (season, count, "mean")
        plans[f"median_5x{season}"] = (season, 5, "median")
        if season != seasons[0]:
            plans[f"naive_{season}"] = (season, 1, "mean")
    return plans


def _cycles(base: Floats, season: int, count: int, ahead: Ints) -> Floats:
    """Up to ``count`` of the last seasons laid over the horizon: cycles × rows × horizon, the newest first."""
    t = base.shape[1]
    found = []
    for cycle in range(count):
        stop = t - cycle * season
        if stop - season < 0:
            break
        found.append(base[:, stop - season : stop][:, ahead % season])
    if not found:
        return np.full((1, base.shape[0], ahead.size), np.nan)
    return np.stack(found)


def _profile_level(base: Floats, season: int, ahead: Ints) -> Floats:
    """A season's profile, as factors from up to eight seasons, times the level of the last three seasons."""
    t = base.shape[1]
    count = min(8, t // season)
    if count < 2:
        return np.repeat(np.nanmean(base[:, -season:], axis=1)[:, None], ahead.size, axis=1)
    block = base[:, t - count * season :].reshape(-1, count, season)
    means = np.nanmean(block, axis=2, keepdims=True)
    ratios = np.where(means > 0, block / means, np.nan)
    profile = np.nanmedian(ratios, axis=1)
    profile = np.where(np.isfinite(profile), profile, 1.0)
    profile = profile / np.maximum(np.nanmean(profile, axis=1, keepdims=True), 1e-9)
    profile = 1 + (profile - 1) * (count / (count + 0.7))
    recent = base[:, t - min(3, count) * season :]
    factors = np.tile(profile, (1, min(3, count)))
    weight = 0.5 ** (np.arange(recent.shape[1])[::-1] / (0.7 * season))
    weight = np.where(np.isfinite(recent), weight, 0.0)
    level = np.nansum(weight * recent, axis=1) / np.maximum((weight * factors).sum(axis=1), 1e-9)
    return level[:, None] * profile[:, ahead % season]


def _last_year(base: Floats, year: int, season: int, ahead: Ints) -> tuple[Floats, Floats]:
    """The same weeks a year ago, smoothed over neighbours; and the same times how much the level changed since."""
    t = base.shape[1]
    place = t - year + ahead
    place = np.where(place < t, place, place - season * ((place - t) // season + 1))
    then = base[:, place]
    window = 4 * season
    now_level = np.nanmean(base[:, t - window :], axis=1)
    then_level = np.nanmean(base[:, max(t - year - window, 0) : t - year], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(then_level > 0, now_level / then_level, np.nan)
    return then, then * np.clip(change, 0.2, 5.0)[:, None]
