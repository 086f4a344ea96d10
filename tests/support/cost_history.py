"""Made-up cost histories for the tests of models: a level, a weekly cycle, noise, and what a test plants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

START = date(2026, 3, 2)  # a Monday
COLUMNS = ["usage_date", "scope_type", "scope_value", "currency", "cost"]


def weekly(days: int, *, level: float = 400.0, noise: float = 0.1, seed: int = 1) -> NDArray[np.float64]:
    """Daily cost with busy weekdays and quiet weekends."""
    random = np.random.default_rng(seed)
    week = np.where(np.arange(days) % 7 < 5, 1.15, 0.65)
    return level * week * np.clip(1 + noise * random.normal(size=days), 0.05, None)


def history(
    values: NDArray[np.float64],
    scope_type: str = "team",
    scope_value: str = "robotics",
    currency: str = "USD",
    start: date = START,
) -> pd.DataFrame:
    rows = [
        (start + timedelta(days=day), scope_type, scope_value, currency, Decimal(repr(round(float(value), 6))))
        for day, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def morning_after(days: int, start: date = START) -> datetime:
    """06:00 on the day after the last of ``days`` days."""
    return datetime.combine(start + timedelta(days=days), datetime.min.time(), UTC) + timedelta(hours=6)


def day(number: int) -> date:
    return START + timedelta(days=number)
