"""Regular expressions of which a text is searched only for those whose literals it may hold.

A literal stands in a text only if its letters stand in one run of letters of the text. Runs repeat from text to text,
so what each of them may hold is remembered, up to a bound, and one look per run takes the place of one per literal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from engine.recovery.classify.literals import needed_by

_RUN = re.compile(r"[a-z]+")
_REMEMBERED = 20_000
_LONGEST_REMEMBERED = 24
"""Longer runs are rarely words and seldom come again."""


class Letters(NamedTuple):
    """A text in lower case, and its runs of letters."""

    lowered: str
    runs: set[str]


def letters_of(text: str) -> Letters:
    """The letters of a text, read once for all patterns."""
    lowered = text.lower()
    return Letters(lowered, set(_RUN.findall(lowered)))


class Patterns:
    """Numbered patterns; `find` states which of them a text has, `any_in` whether it has one."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._compiled = [re.compile(pattern) for pattern in patterns]
        self._always = 0
        self._by_run: dict[str, int] = {}
        self._by_sign: dict[str, int] = {}
        for number, pattern in enumerate(patterns):
            needed = needed_by(pattern)
            if not needed:
                self._always |= 1 << number
            for literal in needed:
                self._add(literal, 1 << number)
        self._remembered: dict[str, int] = {}

    def find(self, text: str, letters: Letters) -> list[int]:
        """The numbers, in order, of the patterns that the text has."""
        return [number for number in _bits(self._possible(letters)) if self._compiled[number].search(text)]

    def any_in(self, text: str, letters: Letters) -> bool:
        """Whether the text has one of the patterns."""
        return any(self._compiled[number].search(text) for number in _bits(self._possible(letters)))

    def _add(self, literal: str, bit: int) -> None:
        """Files a literal under the longest run of letters in it, or under itself when it has none."""
        run = max(_RUN.findall(literal), key=len, default="")
        table, key = (self._by_run, run) if run else (self._by_sign, literal)
        table[key] = table.get(key, 0) | bit

    def _possible(self, letters: Letters) -> int:
        """One bit for each pattern that needs no literal, or of which a literal may stand in the text."""
        bits = self._always
        remembered = self._remembered
        for run in letters.runs:
            held = remembered.get(run)
            bits |= self._held_by(run) if held is None else held
        for sign, of_sign in self._by_sign.items():
            if sign in letters.lowered:
                bits |= of_sign
        return bits

    def _held_by(self, run: str) -> int:
        held = 0
        for key, bits in self._by_run.items():
            if key in run:
                held |= bits
        if len(run) <= _LONGEST_REMEMBERED and len(self._remembered) < _REMEMBERED:
            self._remembered[run] = held
        return held


def _bits(number: int) -> list[int]:
    """The places of the bits that are set, from the lowest."""
    places = []
    while number:
        lowest = number & -number
        number ^= lowest
        places.append(lowest.bit_length() - 1)
    return places
