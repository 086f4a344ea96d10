"""Processes that forecast series beside each other, started where that pays and kept for what is forecast next.

Here: when they start, how series are shared out between them.
Not here: what is forecast (run) and how (one_series).
"""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType

from models.forecast.one_series import Job, SeriesForecast, forecast_jobs, needs_prophet

POOL_FROM_SERIES = 24
"""A worker process spends about 3 s on importing Prophet, as long as 10 series take to be fitted: fewer than this
many are faster without one."""

POOL_FROM_QUICK_SERIES = 200
"""Without Prophet a series takes 40 ms."""

CHUNK = 24
"""Series forecast at once: enough for the quick candidates to be cheap, few enough for progress to be seen."""


class Workers:
    """Use it as a context manager around everything that is forecast together; its end ends the processes.

    Args:
        most: processes at most; 1 never starts one.
    """

    def __init__(self, most: int = 2) -> None:
        self._most = most
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def chunks(self, count: int) -> list[range]:
        """``count`` series in stretches of ``CHUNK`` at most, as many for one process as for another."""
        if not count:
            return []
        parts = math.ceil(count / CHUNK)
        size = math.ceil(count / (math.ceil(parts / self._most) * self._most)) if parts > 1 else count
        return [range(start, min(start + size, count)) for start in range(0, count, size)]

    def forecast(self, parts: Sequence[Sequence[Job]]) -> Iterator[list[SeriesForecast]]:
        """The forecasts of each part, in order."""
        if self._pool is None and self._pays(parts):
            # 'spawn' shares no lock or thread with the process that asks.
            self._pool = ProcessPoolExecutor(self._most, mp_context=multiprocessing.get_context("spawn"))
        yield from map(forecast_jobs, parts) if self._pool is None else self._pool.map(forecast_jobs, parts)

    def _pays(self, parts: Sequence[Sequence[Job]]) -> bool:
        # A daemonic process may not have children.
        if self._most < 2 or multiprocessing.current_process().daemon:
            return False
        heavy = sum(needs_prophet(job) for part in parts for job in part)
        return heavy >= POOL_FROM_SERIES or sum(len(part) for part in parts) >= POOL_FROM_QUICK_SERIES
