"""How fast an agent writes: words, tokens and seconds of the block that is being written. Pure."""

from __future__ import annotations

from dataclasses import dataclass

PERIOD_S = 1.0
"""Seconds between two reports."""
CHARACTERS_PER_TOKEN = 4
"""What a token is taken to be while the API has not counted yet."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What was written of a block: `rate` is in tokens a second since the report before."""

    words: int
    tokens: int
    seconds: float
    rate: float


class TurnMeter:
    """Owner of the counts of one block; it reports at most once in PERIOD_S."""

    def __init__(self) -> None:
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """Another block begins."""
        self._began = self._reported_at = now
        self._words = self._characters = self._reported = 0
        self._in_word = False

    def wrote(self, piece: str, now: float) -> Progress | None:
        """A piece was written; the report that is due, if one is."""
        if piece:
            self._words += len(piece.split()) - (self._in_word and not piece[0].isspace())
            self._in_word = not piece[-1].isspace()
            self._characters += len(piece)
        passed = now - self._reported_at
        if passed < PERIOD_S:
            return None
        rate = (self._characters - self._reported) / CHARACTERS_PER_TOKEN / passed
        self._reported, self._reported_at = self._characters, now
        return self.so_far(now, rate)

    def so_far(self, now: float, rate: float = 0.0) -> Progress:
        """What was written up to now, at this rate."""
        return Progress(self._words, self._characters // CHARACTERS_PER_TOKEN, now - self._began, rate)
