"""How often somebody may ask.

Here: token buckets by key.
Not here: whose request it is, and what is answered (shield).
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable

MAX_KEYS = 20_000


class Buckets:
    """``burst`` at once, then ``a_second``; threads may share it."""

    def __init__(self, a_second: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = a_second, float(burst), clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> int:
        """0 where it may go on, else the seconds until it may."""
        return self._wait(key, takes=True)

    def wait(self, key: str) -> int:
        """What ``take`` would say; takes nothing."""
        return self._wait(key, takes=False)

    def _wait(self, key: str, *, takes: bool) -> int:
        now = self._clock()
        with self._lock:
            left, at = self._left.pop(key, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._rate)
            is_enough = left >= 1
            self._left[key] = (left - 1 if is_enough and takes else left, now)
            while len(self._left) > MAX_KEYS:
                self._left.popitem(last=False)
        return 0 if is_enough else max(1, math.ceil((1 - left) / self._rate))
