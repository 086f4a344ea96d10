"""The detector that knows numbers and times only: what it finds, what it leaves alone, what it never looks at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.anomaly.alerts import Alerts, alerts
from models.anomaly.stream import DAY_SECONDS, HOUR_SECONDS, evidence, step_of
from models.evaluate.__main__ import main
from models.evaluate.anomalies import evaluate_anomalies

MONDAY = 1_782_691_200  # 2026-06-29 00:00 UTC
Series = tuple[NDArray[np.int64], NDArray[np.float64]]
STEPS = {"daily": DAY_SECONDS, "hourly": HOUR_SECONDS, "five minutes": 300}
ROWS = {"daily": 200, "hourly": 28 * 24, "five minutes": 12 * 288}


def usual(step: str, noise: float = 0.1, seed: int = 4) -> Series:
    """Busy days and quiet nights, busy weekdays and quiet weekends, around 100."""
    rows, seconds = ROWS[step], STEPS[step]
    times = MONDAY + np.arange(rows, dtype=np.int64) * seconds
    random = np.random.default_rng(seed)
    week = np.where((times - MONDAY) // DAY_SECONDS % 7 < 5, 1.1, 0.75)
    day = 1 + (0.5 * np.sin(times % DAY_SECONDS / DAY_SECONDS * 2 * np.pi) if seconds < DAY_SECONDS else 0)
    return times, 100 * week * day * (1 + noise * random.normal(size=rows))


def detect(series: Series) -> Alerts:
    step = step_of(series[0])
    return alerts(evidence([series], [step])[0], step)


def plant(kind: str, values: NDArray[np.float64], at: int, rows_a_day: int) -> tuple[NDArray[np.float64], int]:
    """The series with one anomaly from ``at`` on, and the last row at which it is not too late to tell."""
    values = values.copy()
    few = max(rows_a_day // 6, 3)
    random = np.random.default_rng(1)
    if kind == "spike":
        values[at] *= 4
        return values, at
    if kind == "shift":
        values[at:] *= 2.5
        return values, at + few
    if kind == "drift":
        length = max(2 * rows_a_day, 21)
        values[at:] *= 1 + 2 * np.minimum(np.arange(values.size - at) / length, 1)
        return values, at + length
    if kind == "drop":
        values[at : at + few] = 0
        return values, at + few
    values[at : at + few] *= 1 + 4 * random.random(few)
    return values, at + few


@pytest.mark.ids("ANOM-1")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["spike", "shift", "drift", "drop", "storm"])
def test_what_is_planted_is_found_in_time_and_told_once(step: str, kind: str) -> None:
    times, values = usual(step)
    rows_a_day = DAY_SECONDS // STEPS[step]
    at = int(0.8 * values.size) // rows_a_day * rows_a_day + rows_a_day // 3
    planted, latest = plant(kind, values, at, rows_a_day)
    before, after = detect((times, values)), detect((times, planted))
    np.testing.assert_array_equal(before.is_anomaly[:at], after.is_anomaly[:at])
    marked = np.flatnonzero(after.is_anomaly & ~before.is_anomaly)
    assert marked.size
    assert at <= marked[0] <= latest
    assert after.scores[at : latest + 1].max() > 0.5
    starts = marked[np.r_[True, np.diff(marked) > 3]]
    assert starts.size <= 3  # its beginning, perhaps its end, never every row


@pytest.mark.ids("ANOM-1", "ANOM-3")
def test_a_shift_is_not_marked_for_ever() -> None:
    times, values = usual("daily")
    values[120:] *= 3
    marked = np.flatnonzero(detect((times, values)).is_anomaly)
    marked = marked[marked >= 120]
    assert marked[0] == 120
    assert (marked < 150).sum() <= 8


@pytest.mark.ids("ANOM-3")
@pytest.mark.parametrize(("step", "a_week"), [("daily", 0.1), ("hourly", 0.3), ("five minutes", 0.3)])
def test_ordinary_series_are_quiet(step: str, a_week: float) -> None:
    """Once they have seen a weekend and the Monday after it: the first ones are news."""
    every = [usual(step, noise=0.2, seed=seed) for seed in range(12)]
    found = evidence(every, [float(STEPS[step])] * len(every))
    starts = 0
    for one in found:
        marked = alerts(one, STEPS[step]).is_anomaly[8 * DAY_SECONDS // STEPS[step] :]
        starts += int((marked & ~np.r_[False, marked[:-1]]).sum())
    weeks = len(every) * ROWS[step] * STEPS[step] / DAY_SECONDS / 7
    assert starts / weeks <= a_week


@pytest.mark.ids("ANOM-3")
@pytest.mark.parametrize("values", [np.zeros(300), np.full(300, 42.0), np.array([]), np.array([7.0]), np.zeros(5)])
def test_series_in_which_nothing_happens_are_quiet(values: NDArray[np.float64]) -> None:
    times = MONDAY + np.arange(values.size, dtype=np.int64) * HOUR_SECONDS
    told = detect((times, values))
    assert told.scores.size == values.size
    assert not told.is_anomaly.any()


@pytest.mark.ids("ANOM-1")
def test_the_first_amount_after_nothing_but_zeros_is_news() -> None:
    values = np.zeros(100)
    values[60:] = 5.0
    told = detect((MONDAY + np.arange(100, dtype=np.int64) * HOUR_SECONDS, values))
    assert np.flatnonzero(told.is_anomaly)[0] == 60


@pytest.mark.ids("ANOM-3")
def test_missing_weeks_are_no_anomaly() -> None:
    times, values = usual("hourly")
    kept = np.r_[0 : 14 * 24, 21 * 24 : values.size]
    whole, gappy = detect((times, values)), detect((times[kept], values[kept]))
    assert gappy.is_anomaly.sum() <= whole.is_anomaly.sum() + 1


AMOUNTS = st.lists(st.one_of(st.just(0.0), st.floats(0, 1e6), st.floats(-50, 50)), min_size=1, max_size=120)


@pytest.mark.ids("ANOM-1")
@settings(max_examples=60, deadline=None)
@given(AMOUNTS, st.integers(1, 119), st.sampled_from([DAY_SECONDS, HOUR_SECONDS]))
def test_no_row_depends_on_later_rows_or_on_other_series(amounts: list[float], cut: int, step: int) -> None:
    values = np.array(amounts)
    times = MONDAY + np.arange(values.size, dtype=np.int64) * step
    cut = min(cut, values.size)
    alone = evidence([(times[:cut], values[:cut])], [step])[0]
    other = tuple(part[: 7 * 24] for part in usual("hourly"))
    among = evidence([(times, values), other, (times, values[::-1])], [step, HOUR_SECONDS, step])[0]
    np.testing.assert_array_equal(alone.tails, among.tails[:cut])
    early, late = alerts(alone, step), alerts(among, step)
    np.testing.assert_array_equal(early.is_anomaly, late.is_anomaly[:cut])
    np.testing.assert_array_equal(early.scores, late.scores[:cut])
    assert ((late.scores >= 0) & (late.scores <= 1)).all()


@pytest.mark.ids("ANOM-1")
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(-20, 20))
def test_the_unit_of_the_values_does_not_matter(seed: int, power: int) -> None:
    times, values = usual("daily", noise=0.3, seed=seed)
    values[150] *= 4
    one, other = detect((times, values)), detect((times, values * 2.0**power))
    np.testing.assert_array_equal(one.is_anomaly, other.is_anomaly)
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-9)


@pytest.mark.ids("ANOM-1")
def test_a_file_keeps_its_rows_their_order_and_their_text(tmp_path: Path) -> None:
    times, values = usual("hourly")
    values[500] *= 6
    stamps = pd.to_datetime(times, unit="s").strftime("%Y-%m-%dT%H:%M:%SZ")
    frame = pd.DataFrame({"series": "calls", "ds": stamps, "value": [repr(float(value)) for value in values]})
    frame.loc[10, "value"] = ""
    repeated = pd.DataFrame({"series": "007", "ds": ["2026-10-25 01:00", "2026-10-25 01:00"], "value": ["1", "2"]})
    mixed = pd.concat([frame, repeated]).sample(frac=1, random_state=3)
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    mixed.to_csv(source, index=False)
    assert main(["anomalies", "--input", str(source), "--out", str(target)]) == 0
    told = pd.read_csv(target, dtype=str)
    assert list(told.columns) == ["series", "ds", "score", "is_anomaly"]
    assert told[["series", "ds"]].to_numpy().tolist() == mixed[["series", "ds"]].to_numpy().tolist()
    marked = told[told["is_anomaly"] == "1"]
    assert stamps[500] in set(marked["ds"])
    ordered = told[told["series"] == "calls"].sort_values("ds")
    assert float(ordered["score"].iloc[10]) == 0.0
    again = tmp_path / "again.csv"
    evaluate_anomalies(source, again)
    assert again.read_bytes() == target.read_bytes()


@pytest.mark.ids("ANOM-1")
def test_a_file_without_its_columns_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in.csv"
    source.write_text("series,ds,y\na,2026-01-01,1\n", encoding="utf-8")
    assert main(["anomalies", "--input", str(source), "--out", str(tmp_path / "out.csv")]) == 2
    assert "lacks the column value" in capsys.readouterr().err
