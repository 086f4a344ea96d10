"""When a series began in earnest: a pilot's small change before it says nothing about what came after.

Here: finding that point.
Not here: level changes later in a series, which candidates and intervals cope with (experts, intervals).

A year of subscriptions for two people before the whole company works with AI is no year of history: errors of a
backtest from those days would be thousands of their spreads, and days ahead as unsure as that.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from models.forecast.rhythm import Rhythm
from models.series import Floats

PILOT_SHARE = 0.2
"""Less than this share of what is usual now is a pilot. On long development series shares from 0.1 to 0.3 did neither
good nor harm, and the more, the more winters are taken for one; 200 days at 15% of the level before 30 whole ones made
80% intervals hold 45% of days."""

USUAL_SEASONS = 4
"""The usual is what all but one of that many newest seasons had at least: a storm of a fortnight is no beginning."""


def began_at(values: Floats, rhythm: Rhythm) -> int:
    """Index of the first point from which on two seasons in a row had ``PILOT_SHARE`` of what is usual now.

    Two, because a single large charge before begins nothing. 0 where a series was itself from its start on, or is too
    short to tell. The season is the rhythm's longest: a weekend is no pilot.

    Args:
        values: NaN for gaps.
    """
    season = rhythm.seasons[-1]
    if values.size < (USUAL_SEASONS + 1) * season:
        return 0
    known = np.isfinite(values)
    size = np.where(known, np.abs(values), 0.0)
    sums, counts = (sliding_window_view(one, season).sum(axis=1) for one in (size, known))
    means = sums / np.maximum(counts, 1)
    least = PILOT_SHARE * float(np.sort(means[-1 - season * np.arange(USUAL_SEASONS)])[1])
    enough = means >= least
    begun = np.flatnonzero(enough[:-season] & enough[season:])
    if not begun.size or begun[0] == 0:
        return 0
    first = int(begun[0])
    return first + int(np.argmax(size[first : first + season] >= least))
