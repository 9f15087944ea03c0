"""Permission modes by how much they let an agent do without asking."""

from __future__ import annotations

WIDTH = ("plan", "dontAsk", "default", "acceptEdits", "auto", "bypassPermissions")
"""From the narrowest to the widest."""


def narrower(one: str, other: str) -> str:
    """The one of two modes that allows less; an unknown one counts as the widest."""
    return min(one, other, key=lambda mode: WIDTH.index(mode) if mode in WIDTH else len(WIDTH))
