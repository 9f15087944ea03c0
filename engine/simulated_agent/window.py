"""A fault laid over a share of all simulators' turns, as `OfflineModel.fault_all` lays one over the real CLI's."""

from __future__ import annotations

import os

from engine.offline_model.script import strikes

VARIABLE = "QUARTERDECK_SIM_WINDOW"
"""Names the file that holds the window: `<fault or -> <seconds of delay> <share>`; without a file there is none."""


def window_for(mark: str) -> tuple[str | None, float]:
    """The fault and the delay in seconds that the request of this mark meets now."""
    path = os.environ.get(VARIABLE)
    if not path:
        return None, 0.0
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs start time
            fault, delay, share = file.read().split()
        hit = strikes(mark, float(share))
        return (fault if fault != "-" else None, float(delay)) if hit else (None, 0.0)
    except (OSError, ValueError):
        return None, 0.0
