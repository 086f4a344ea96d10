"""``python -m models.evaluate forecast`` on files made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.evaluate.__main__ import main

pytestmark = pytest.mark.ids("FCST-1")

COLUMNS = ["series", "ds", "mean", "lo80", "hi80", "lo95", "hi95"]


def rows(name: str, times: pd.DatetimeIndex, season: int, level: float = 100.0) -> pd.DataFrame:
    random = np.random.default_rng(len(times))
    shape = 1 + 0.3 * np.sin(2 * np.pi * np.arange(len(times)) / season)
    return pd.DataFrame({"series": name, "ds": times, "y": level * shape * (1 + 0.05 * random.normal(size=len(times)))})


def forecast(folder: Path, frame: pd.DataFrame, horizon: int) -> pd.DataFrame:
    frame.to_csv(folder / "in.csv", index=False)
    out = folder / "out.csv"
    assert main(["forecast", "--input", str(folder / "in.csv"), "--horizon", str(horizon), "--out", str(out)]) == 0
    return pd.read_csv(out)


def test_every_rhythm_goes_on_in_its_own_step(tmp_path: Path) -> None:
    daily = rows("pages, daily", pd.date_range("2026-01-01", periods=50, freq="D"), 7)
    hourly = rows("calls", pd.date_range("2026-03-01", periods=200, freq="h"), 24)
    weekly = rows("invoices", pd.date_range("2025-01-05", periods=60, freq="W"), 52)
    monthly = rows("licences", pd.date_range("2021-01-01", periods=40, freq="MS"), 12)
    working = rows("trades", pd.bdate_range("2026-01-01", periods=60), 5)
    found = forecast(tmp_path, pd.concat([daily, hourly, weekly, monthly, working]), 6)
    assert list(found.columns) == COLUMNS
    assert list(found["series"].unique()) == ["pages, daily", "calls", "invoices", "licences", "trades"]
    by_series = {name: list(part["ds"]) for name, part in found.groupby("series")}
    assert by_series["pages, daily"] == [f"2026-02-{day}" for day in range(20, 26)]
    assert by_series["calls"][:2] == ["2026-03-09 08:00:00", "2026-03-09 09:00:00"]
    assert by_series["invoices"][:2] == ["2026-03-01", "2026-03-08"]
    assert by_series["licences"] == ["2024-05-01", "2024-06-01", "2024-07-01", "2024-08-01", "2024-09-01", "2024-10-01"]
    assert by_series["trades"] == [
        "2026-03-26", "2026-03-27", "2026-03-30", "2026-03-31", "2026-04-01", "2026-04-02",
    ]  # fmt: skip
    for low, high in (("lo95", "lo80"), ("lo80", "mean"), ("mean", "hi80"), ("hi80", "hi95")):
        assert (found[low] <= found[high]).all()
    assert found["mean"].between(50, 150).all()


def test_gaps_missing_rows_and_disorder_are_coped_with(tmp_path: Path) -> None:
    full = rows("pages", pd.date_range("2026-01-01", periods=90, freq="D"), 7)
    gappy = full.drop(index=[10, 11, 12, 40, 41, 70]).astype({"y": object})
    gappy.loc[[20, 55], "y"] = ""
    found = forecast(tmp_path, gappy.sample(frac=1, random_state=1), 28)
    assert found["ds"].iloc[0] == "2026-04-01"
    assert len(found) == 28
    assert found["mean"].between(60, 140).all()


def test_thirty_points_zero_and_constant_series(tmp_path: Path) -> None:
    days = pd.date_range("2026-01-01", periods=30, freq="D")
    frame = pd.concat(
        [
            rows("short", days, 7),
            pd.DataFrame({"series": "zero", "ds": days, "y": 0.0}),
            pd.DataFrame({"series": "constant", "ds": days, "y": 7.5}),
            pd.DataFrame({"series": "single", "ds": days[:1], "y": 3.0}),
        ]
    )
    means = forecast(tmp_path, frame, 28).groupby("series")["mean"]
    assert means.size().tolist() == [28] * 4
    assert means.mean()["zero"] == pytest.approx(0, abs=1e-6)
    assert means.mean()["constant"] == pytest.approx(7.5)
    assert means.mean()["single"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("series,ds,value\na,2026-01-01,1\n", "lacks the column y"),
        ("series,ds,y\na,2026-01-01,1\na,soon,2\n", "row 3, column ds: 'soon' of series a is no time"),
        ("series,ds,y\na,2026-01-01,much\n", "row 2, column y: 'much' of series a is no number"),
        ("series,ds,y\na,2026-01-01,1\na,2026-01-01,2\n", "row 3, column ds: '2026-01-01' of series a stands twice"),
        ("series,ds,y\na,2026-01-01,\n", "series a has no value in column y"),
    ],
)
def test_a_bad_file_is_named_with_row_and_column(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text, encoding="utf-8")
    assert main(["forecast", "--input", str(file), "--horizon", "3", "--out", str(tmp_path / "out.csv")]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert str(file) in told
    assert not (tmp_path / "out.csv").exists()


def test_a_horizon_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["forecast", "--input", str(tmp_path / "x"), "--horizon", "0", "--out", str(tmp_path / "y")])
