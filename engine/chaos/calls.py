"""What an outage does to the load on the API: from the moments of the calls that it got, pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

BIN_S = 5.0
"""Rates are of this long; a shorter time says more of chance than of load."""


class Load(msgspec.Struct, frozen=True):
    """Calls a second. `healthy` is the busiest `BIN_S` in calm, `busiest` that from the outage on until calm again.

    Calm is the time before the outage, and the second half of the time after it. `in_outage` is the mean within it,
    from one `BIN_S` after its start on. `storm` is `busiest` over `healthy`.
    """

    healthy: float
    in_outage: float
    busiest: float
    storm: float


def load_in(calls: Sequence[float], began: float, ended: float) -> Load | None:
    """The load around a total outage; None where there is no healthy bin before it, or no full bin within it.

    `calls` are moments in order, in seconds of one clock with `began` and `ended`.
    """
    within = ended - began - BIN_S
    if not calls or began - calls[0] < BIN_S or within < BIN_S:
        return None
    calm = max(ended, (ended + calls[-1]) / 2)
    first, probed, last, settled = (bisect_left(calls, at) for at in (began, began + BIN_S, ended, calm))
    healthy = max(_busiest(calls[:first]), _busiest(calls[settled:]))
    busiest = _busiest(calls[first:settled])
    return Load(round(healthy, 2), round((last - probed) / within, 2), round(busiest, 2), round(busiest / healthy, 2))


def _busiest(calls: Sequence[float]) -> float:
    """The most calls that any stretch of `BIN_S` held, a second."""
    return max((bisect_left(calls, at + BIN_S) - n for n, at in enumerate(calls)), default=0) / BIN_S
