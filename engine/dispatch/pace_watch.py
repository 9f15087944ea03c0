"""How an answer came: when it began and how fast it went on, which tells the limit how loaded the API is."""

from __future__ import annotations

from collections.abc import Callable

from engine.base.clock import Clock
from engine.flow.concurrency_limit import Place
from engine.flow.limit_policies import Pace
from engine.sessions.outcome import Outcome

_ENOUGH_TOKENS = 20
"""Tokens from which a mean gap between them means something."""


class PaceWatch:
    """Owner of the times of one turn. Only turns without tools tell the gaps: a tool takes its own time."""

    def __init__(self, clock: Clock, place: Place) -> None:
        self._clock, self._place = clock, place
        self._began = clock.monotonic()
        self._first: float | None = None

    def answering(self, on_answer: Callable[[], None]) -> Callable[[], None]:
        """Hears of the first sign of the answer, and passes it on."""

        def heard() -> None:
            self._first = self._clock.monotonic()
            self._place.observe(Pace(first_token=self._first - self._began))
            on_answer()

        return heard

    def ended(self, outcome: Outcome) -> None:
        """The turn has its result."""
        tokens = outcome.usage.output_tokens
        if self._first is not None and outcome.ok and not outcome.acted and tokens >= _ENOUGH_TOKENS:
            self._place.observe(Pace(token_gap=(self._clock.monotonic() - self._first) / tokens))
