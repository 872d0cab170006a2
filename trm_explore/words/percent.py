"""Shares as text, by one rule for everything that is shown. web/src/common.js has the same for drawings; a test holds
the two together."""

from __future__ import annotations

import math


def percent(share: float | None) -> str:
    """A share (0 to 1) in percent: whole between 1 and 98 %, with one digit more near the ends, where it tells most. So
    "100 %" and "0 %" are said of all and of none only. A dash where there is no number."""
    if share is None or not math.isfinite(share):
        return "–"
    tenths = math.floor(1000 * share + 0.5)  # half goes up, as in JavaScript
    if tenths == 0 and share > 0:
        return "< 0.1 %"
    if tenths == 1000 and share < 1:
        return "> 99.9 %"
    if 0 < tenths < 10 or 980 < tenths < 1000:
        return f"{tenths // 10}.{tenths % 10} %"
    return f"{math.floor(100 * share + 0.5)} %"
