"""Asking no faster than Cost Management allows.

Here: the quota of query units, and how long to wait after a refusal.
Not here: requests (``client``).
Source: "Manage costs with automation" in the Cost Management documentation: one query processing unit (QPU) per month
of data, 12 QPU in 10 seconds, 60 in a minute, 600 in an hour, for each tenant. Answers say what they took.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping

QPU_LIMITS = ((12, 10.0), (60, 60.0), (600, 3600.0))
MOST_TRIES = 6
_FIRST_WAIT_SECONDS = 10.0
_LONGEST_WAIT_SECONDS = 600.0
_LIMITED = ("qpu", "entity", "tenant", "clienttype")
_PREFIX = "x-ms-ratelimit-microsoft."
_WAIT_HEADERS = (
    "retry-after",
    *(f"{_PREFIX}costmanagement-{kind}-retry-after" for kind in _LIMITED),
    f"{_PREFIX}consumption-retry-after",
)
_CONSUMED_HEADER = f"{_PREFIX}costmanagement-qpu-consumed"


class QueryBudget:
    """Waits before a request that would exceed one of the limits: (units, seconds)."""

    def __init__(
        self,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        limits: tuple[tuple[int, float], ...] = QPU_LIMITS,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._limits = limits
        self._spent: deque[float] = deque()

    def spend(self) -> None:
        """One unit, as soon as all limits allow it."""
        now = self._clock()
        wait = 0.0
        for units, seconds in self._limits:
            if len(self._spent) >= units:
                wait = max(wait, self._spent[-units] + seconds - now)
        if wait > 0:
            self._sleep(wait)
            now = max(self._clock(), now + wait)
        self._spent.append(now)
        longest = max(seconds for _, seconds in self._limits)
        while self._spent and self._spent[0] <= now - longest:
            self._spent.popleft()

    def settle(self, headers: Mapping[str, str]) -> None:
        """Count what an answer says it took beyond the one unit that was expected."""
        consumed = _number(_folded(headers).get(_CONSUMED_HEADER)) or 0.0
        most = max(units for units, _ in self._limits)
        self._spent.extend([self._clock()] * min(math.ceil(consumed) - 1, most))


def wait_seconds(headers: Mapping[str, str], attempt: int) -> float:
    """How long to wait after a refusal: what the headers say, the longest of them; else twice as long each time.

    Args:
        attempt: 1 after the first refusal.
    """
    folded = _folded(headers)
    said = [seconds for name in _WAIT_HEADERS if (seconds := _number(folded.get(name))) is not None]
    if said:
        return min(max(said), _LONGEST_WAIT_SECONDS)
    return float(min(_FIRST_WAIT_SECONDS * 2 ** (attempt - 1), _LONGEST_WAIT_SECONDS))


def _folded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "nan")
    except ValueError:
        return None  # a date, which Cost Management does not send
    return max(number, 0.0) if math.isfinite(number) else None
