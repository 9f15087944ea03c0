"""The known name that a wrong one most probably meant, at a bounded cost."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 100
"""Characters of a name for which a near one is looked for: comparing costs the product of the lengths."""


def nearest_name(wrong: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that is most like `wrong`, None when none is like it; `cutoff` from 0 (any) to 1 (equal)."""
    if len(wrong) > LONGEST:
        return None
    close = difflib.get_close_matches(wrong, list(known), n=1, cutoff=cutoff)
    return close[0] if close else None
