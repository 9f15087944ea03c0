"""Read-only mode: one answer to everything that acts, wherever it is asked."""

from __future__ import annotations

from engine.base.errors import Forbidden


def check_writable(*, read_only: bool) -> None:
    """Raises Forbidden in read-only mode."""
    if read_only:
        raise Forbidden("Read-only mode refuses everything that acts.", remedy="Leave out `--read-only`.")
