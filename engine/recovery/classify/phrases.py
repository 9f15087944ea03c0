"""Phrases in the words of a text: stems in order with small gaps, found through an index and never one by one.

A phrase is terms separated by blanks. A term is alternatives separated by `|`; `refus*` is a stem; `rate-limit` is two
words side by side. Between two terms up to `GAP` other words may stand. Names in camelCase and snake_case fall apart
into words first, so `connect* refus*` finds `ConnectionRefusedError` as well as "connection to the host was refused".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

GAP = 3
_WORD = re.compile(r"OAuth|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+(?:'[a-z]+)?|[A-Z]+|\d+")
_TERM = re.compile(r"[a-z0-9'*|-]+")
_KNOWN_WORDS = 20_000

Atom = tuple[str, bool]
"""A word, and whether it is only a stem."""
_Term = tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]
"""What may stand for a term: single words, and words side by side."""
Places = dict[int, list[int]]


class BadPhrase(ValueError):
    """A phrase that cannot be read."""


def words_of(text: str) -> list[str]:
    """The words of a text, in order, still in their own case."""
    return _WORD.findall(text)


def _atoms(phrase: str) -> list[list[list[Atom]]]:
    terms = phrase.split()
    if not terms:
        raise BadPhrase("a phrase without words")
    read = []
    for term in terms:
        alternatives = [alternative.split("-") for alternative in term.split("|")]
        parts = [part for alternative in alternatives for part in alternative]
        if not _TERM.fullmatch(term) or not all(part.rstrip("*") and "*" not in part[:-1] for part in parts):
            raise BadPhrase(f"{term!r} in {phrase!r} is no term: lower-case words, `stem*`, `a|b`, `side-by-side`")
        read.append([[(part.rstrip("*"), part.endswith("*")) for part in parts] for parts in alternatives])
    return read


class Phrases:
    """An index over numbered phrases; `find` states which of them a text has."""

    def __init__(self, phrases: Sequence[str]) -> None:
        self._whole: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        self._phrases = [self._compiled(phrase) for phrase in phrases]
        self._count = len(self._phrases)
        self._terms = max(map(len, self._phrases), default=0)
        self._fits = self._index()
        self._ends = self._past_the_end()
        self._stem_sizes = sorted({len(stem) for stem in self._stems})
        self._known: dict[str, tuple[tuple[int, ...], int]] = {}

    def find(self, words: Iterable[str]) -> set[int]:
        """The numbers of the phrases that stand in these words."""
        places: Places = {}
        fitting = self._ends
        for place, word in enumerate(words):
            atoms, fits = self._known.get(word) or self._learned(word)
            fitting |= fits
            for atom in atoms:
                if atom in places:
                    places[atom].append(place)
                else:
                    places[atom] = [place]
        return {number for number in self._whole_ones(fitting) if _stands(self._phrases[number], places)}

    def _whole_ones(self, fitting: int) -> Iterator[int]:
        """The numbers of the phrases each term of which has its bit: a word of the text, or no term at all."""
        every = (1 << self._count) - 1
        whole = every
        for term in range(self._terms):
            whole &= fitting >> term * self._count
        while whole:
            lowest = whole & -whole
            whole ^= lowest
            yield lowest.bit_length() - 1

    def _compiled(self, phrase: str) -> tuple[_Term, ...]:
        return tuple(self._term(alternatives) for alternatives in _atoms(phrase))

    def _term(self, alternatives: list[list[Atom]]) -> _Term:
        numbered = [tuple(self._number(atom) for atom in alternative) for alternative in alternatives]
        single = tuple(alternative[0] for alternative in numbered if len(alternative) == 1)
        return single, tuple(alternative for alternative in numbered if len(alternative) > 1)

    def _number(self, atom: Atom) -> int:
        word, stem = atom
        table = self._stems if stem else self._whole
        return table.setdefault(word, len(self._whole) + len(self._stems))

    def _index(self) -> dict[int, int]:
        """For each atom one bit for every term of a phrase that it may stand for.

        An alternative of several words counts for the one of them that fewest phrases share.
        """
        shared = Counter(
            atom
            for phrase in self._phrases
            for single, several in phrase
            for alternative in (single, *several)
            for atom in alternative
        )
        index: dict[int, int] = {}
        for number, phrase in enumerate(self._phrases):
            for place, (single, several) in enumerate(phrase):
                rarest = [min(alternative, key=shared.__getitem__) for alternative in several]
                for atom in (*single, *rarest):
                    index[atom] = index.get(atom, 0) | self._bit(number, place)
        return index

    def _past_the_end(self) -> int:
        """The bits of the terms that the shorter phrases do not have."""
        bits = 0
        for number, phrase in enumerate(self._phrases):
            for place in range(len(phrase), self._terms):
                bits |= self._bit(number, place)
        return bits

    def _bit(self, number: int, term: int) -> int:
        return 1 << term * self._count + number

    def _learned(self, word: str) -> tuple[tuple[int, ...], int]:
        """The atoms that a word stands for, and the bits of all of them; remembered, up to a bound."""
        atoms = self._look_up(word.lower())
        fits = 0
        for atom in atoms:
            fits |= self._fits.get(atom, 0)
        if len(self._known) < _KNOWN_WORDS:
            self._known[word] = atoms, fits
        return atoms, fits

    def _look_up(self, word: str) -> tuple[int, ...]:
        found = [self._stems[stem] for size in self._stem_sizes if (stem := word[:size]) in self._stems]
        if (whole := self._whole.get(word)) is not None:
            found.append(whole)
        return tuple(dict.fromkeys(found))


def _stands(phrase: tuple[_Term, ...], places: Places) -> bool:
    """Whether the terms stand in order, each at most GAP words after the one before."""
    (single, several), *rest = phrase
    ends = [place for atom in single if atom in places for place in places[atom]]
    if several:
        ends += [end for _, end in _runs(several, places)]
    for single, several in rest:
        if not ends:
            return False
        ends = _after(ends, single, several, places)
    return bool(ends)


def _after(ends: list[int], single: tuple[int, ...], several: tuple[tuple[int, ...], ...], places: Places) -> list[int]:
    """Where a term ends that begins at most GAP words after one of the ends of the term before."""
    found = []
    for atom in single:
        for place in places.get(atom, ()):
            for end in ends:
                if 0 < place - end <= GAP + 1:
                    found.append(place)
                    break
    if several:
        found += [last for first, last in _runs(several, places) if any(0 < first - end <= GAP + 1 for end in ends)]
    return found


def _runs(several: tuple[tuple[int, ...], ...], places: Places) -> list[tuple[int, int]]:
    """Where words stand side by side, as the places of the first and the last."""
    return [
        (start, start + len(rest))
        for first, *rest in several
        if first in places
        for start in places[first]
        if all(start + step in places.get(atom, ()) for step, atom in enumerate(rest, 1))
    ]


_NAMED = re.compile(r"@([a-z_]+)")
_PHRASE_KEYS = ("says", "names", "unless")


class WordClasses:
    """The classes that a file defines; a mistake in them is added to the file's problems."""

    def __init__(self, tables: Any, problems: list[str], name: str) -> None:
        self._words: dict[str, str] = {}
        if not isinstance(tables, dict):
            problems.append(f"{name}: class is no table of words.")
            return
        for key, words in tables.items():
            if isinstance(words, str) and words.split():
                self._words[key] = "|".join(words.split())
            else:
                problems.append(f"{name}: the class {key} is not a text of words.")

    def spelled_out(self, table: Any) -> Any:
        """A rule's table with the words in place of each class; the name of an unknown class stays and is refused."""
        if not isinstance(table, dict):
            return table
        return {key: self._phrases(value) if key in _PHRASE_KEYS else value for key, value in table.items()}

    def _phrases(self, phrases: Any) -> Any:
        if not isinstance(phrases, list):
            return phrases
        return [self._phrase(phrase) if isinstance(phrase, str) else phrase for phrase in phrases]

    def _phrase(self, phrase: str) -> str:
        return _NAMED.sub(lambda match: self._words.get(match[1], match[0]), phrase)
