"""What an outage does to the load on the API: from the moments of the calls that it got, pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

BIN_S = 5.0
"""Rates are of this long; a shorter time says more of chance than of load."""


class Load(msgspec.Struct, frozen=True):
    """Calls a second: the busiest `BIN_S` before all harm, the mean within the outage from one bin after its start on,
    and the busiest `BIN_S` from its start to the end of the run. `storm` is the last one over the first."""

    healthy: float
    in_outage: float
    busiest: float
    storm: float


def load_in(calls: Sequence[float], began: float, ended: float) -> Load | None:
    """The load around a total outage; None where there is no healthy bin before it, or no full bin within it.

    `calls` are moments in order, in seconds of one clock with `began` and `ended`.
    """
    before, since = calls[: bisect_left(calls, began)], calls[bisect_left(calls, began) :]
    within = ended - began - BIN_S
    if not before or began - before[0] < BIN_S or within < BIN_S:
        return None
    healthy = _busiest(before)
    busiest = _busiest(since)
    probes = bisect_left(calls, ended) - bisect_left(calls, began + BIN_S)
    return Load(round(healthy, 2), round(probes / within, 2), round(busiest, 2), round(busiest / healthy, 2))


def _busiest(calls: Sequence[float]) -> float:
    """The most calls that any stretch of `BIN_S` held, a second."""
    return max((bisect_left(calls, at + BIN_S) - n for n, at in enumerate(calls)), default=0) / BIN_S
