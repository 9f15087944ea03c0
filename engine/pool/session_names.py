"""The ids of one engine's sessions."""

from __future__ import annotations

import random

_FIRST = "abcdefghjkmnpqrtuvwxyz"
"""A letter, so that an id never reads as a number; without those that look like digits."""
_NEXT = _FIRST + "23456789"


class SessionNames:
    """Ids like `k7f001`: three characters that the engine draws once, and a number.

    Two engines draw the same three once in 17,661 times, so an id of one is not taken for a session of another.
    """

    def __init__(self, rng: random.Random) -> None:
        self._prefix = rng.choice(_FIRST) + rng.choice(_NEXT) + rng.choice(_NEXT)
        self._number = 0

    def next(self) -> str:
        """The next id; from 1,000 on it is longer."""
        self._number += 1
        return f"{self._prefix}{self._number:03d}"
