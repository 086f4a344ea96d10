"""Anomalies in a CSV of anybody's series, by the detector that the product's daily and hourly detection uses.

Here: reading the file, asking the detector, writing a score and a mark for every row of the file.
Not here: the detector (anomaly.stream, anomaly.alerts); money floors and known events, which need a configuration.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from models.anomaly.alerts import alerts
from models.anomaly.stream import evidence, step_of
from models.evaluate.long_csv import read_long_csv

SCORE_DIGITS = 6


def evaluate_anomalies(input_file: Path, output_file: Path) -> None:
    """Write ``series,ds,score,is_anomaly`` for the rows of ``series,ds,value``, in their order.

    A row's answer depends on rows of its series up to its time only. ``score`` is 0..1, highest where an alert starts;
    ``is_anomaly`` is 0 or 1. Rows without a value and the first rows of a series score 0.

    Raises:
        LongCsvError: the file cannot be read as series.
    """
    every = read_long_csv(input_file, "value", repeated_times=True)
    told = pd.read_csv(input_file, dtype=str, keep_default_na=False, encoding="utf-8-sig")[["series", "ds"]]
    score = np.zeros(len(told))
    is_anomaly = np.zeros(len(told), dtype=np.int64)
    series = [(one.ds.as_unit("s").asi8, one.values) for one in every]
    steps = [step_of(seconds) for seconds, _ in series]
    walked = evidence(series, steps)
    for one, step, found in zip(every, steps, walked, strict=True):
        told_of = alerts(found, step)
        score[one.rows] = told_of.scores
        is_anomaly[one.rows] = told_of.is_anomaly
    told.assign(score=score.round(SCORE_DIGITS), is_anomaly=is_anomaly).to_csv(
        output_file, index=False, lineterminator="\n"
    )
