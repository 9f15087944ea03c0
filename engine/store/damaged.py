"""A file of ours that cannot be read is kept for a person to look at, and never keeps the engine from starting."""

from __future__ import annotations

import time
from pathlib import Path


def move_aside(path: Path) -> Path:
    """Rename a damaged file to `<name>.damaged-<time>`, in its folder; returns where it is now. Raises OSError."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    for number in range(100):
        target = path.with_name(f"{path.name}.damaged-{stamp}{f'-{number}' if number else ''}")
        if not target.exists():
            break
    return path.rename(target)
