"""Regular expressions of which a text is searched only for those whose literals it holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.recovery.literals import needed_by


class Patterns:
    """Numbered patterns; `find` says which of them a text has."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._compiled = [re.compile(pattern) for pattern in patterns]
        self._always: list[int] = []
        by_literal: dict[str, list[int]] = {}
        for number, pattern in enumerate(patterns):
            needed = needed_by(pattern)
            if not needed:
                self._always.append(number)
            for literal in needed:
                by_literal.setdefault(literal, []).append(number)
        self._by_literal = list(by_literal.items())

    def find(self, text: str, lowered: str) -> list[int]:
        """The numbers, in order, of the patterns that the text has; `lowered` is the same text in lower case."""
        possible = {*self._always}
        for literal, numbers in self._by_literal:
            if literal in lowered:
                possible.update(numbers)
        return [number for number in sorted(possible) if self._compiled[number].search(text)]
