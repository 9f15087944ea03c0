"""The garbage collector during a start: what a start makes is there to stay, so sweeping it is lost time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_rest() -> Iterator[None]:
    """No collection until `awake`, at the latest until the end of the block."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def awake() -> None:
    """Collect again, but for what the start has made; without effect where the collector is not at rest."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
