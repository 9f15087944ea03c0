"""The literals that a regular expression needs: a text that has none of them cannot match, and is not searched.

Sound, not complete: what the reader does not know (flags within, verbose patterns, numeric escapes) needs nothing.
"""

from __future__ import annotations

import re

Needed = frozenset[str]
"""Lower-case literals of which a text must hold one."""
_SHORTEST = 2
_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d*)(?:,\d*)?\})[?+]?")
_GROUP = re.compile(r"\((?:\?(?:P<\w+>|[ims]*:|>))?(?!\?)")
_LOOK = re.compile(r"\(\?(?:=|!|<=|<!|#)")
_FLAGS = re.compile(r"\(\?[ims]+\)")
_CLASS_ESCAPES = "dDwWsSbBAZ"


class _Unread(Exception):
    """The pattern has something that the reader does not know."""


def needed_by(pattern: str) -> Needed:
    """The literals of which every match holds at least one; empty when nothing is known of them."""
    try:
        flags = _FLAGS.match(pattern)
        reader = _Reader(pattern, flags.end() if flags else 0)
        found = reader.alternatives()
    except _Unread:
        return frozenset()
    return found if reader.at_end() else frozenset()


class _Reader:
    """Reads a pattern from left to right, once."""

    def __init__(self, pattern: str, place: int) -> None:
        self._pattern, self._place = pattern, place

    def at_end(self) -> bool:
        return self._place >= len(self._pattern)

    def alternatives(self) -> Needed:
        """Up to the end or a closing bracket: one literal of each alternative; nothing if one of them needs none."""
        needs = [self._sequence()]
        while self._next() == "|":
            self._place += 1
            needs.append(self._sequence())
        return frozenset().union(*needs) if all(needs) else frozenset()

    def _next(self) -> str:
        return self._pattern[self._place : self._place + 1]

    def _sequence(self) -> Needed:
        """What parts in a row need: the best of what each of them does."""
        choices: list[Needed] = []
        run = ""
        while (char := self._next()) not in {"", "|", ")"}:
            literal = self._literal(char)
            group = frozenset[str]() if literal else self._other(char)
            quantifier = _QUANTIFIER.match(self._pattern, self._place)
            self._place = quantifier.end() if quantifier else self._place
            optional = quantifier is not None and (quantifier[0][0] in "*?" or quantifier[1] in {"", "0"})
            if literal and not optional:
                run += literal
            if not literal or quantifier:
                choices.append(frozenset({run.lower()}))
                run = ""
            if group and not optional:
                choices.append(group)
        choices.append(frozenset({run.lower()}))
        return max(choices, key=_worth) if any(map(_worth, choices)) else frozenset()

    def _literal(self, char: str) -> str:
        """The literal character here, past which this goes; empty for anything else."""
        if char in "[(.^$*+?{" or not char.isascii():
            return ""
        if char != "\\":
            self._place += 1
            return char
        escaped = self._pattern[self._place + 1 : self._place + 2]
        if escaped.isalnum() or not escaped:
            return ""
        self._place += 2
        return escaped

    def _other(self, char: str) -> Needed:
        """Goes past a set, a group, an anchor or a class; the literals that a group needs."""
        if char == "[":
            self._skip_set()
        elif char == "\\":
            self._skip_escape()
        elif char == "(":
            return self._group()
        elif char in "*+?{":
            raise _Unread
        else:
            self._place += 1
        return frozenset()

    def _skip_escape(self) -> None:
        if self._pattern[self._place + 1 : self._place + 2] not in (*_CLASS_ESCAPES, *"nrtfva"):
            raise _Unread
        self._place += 2

    def _skip_set(self) -> None:
        end = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]").match(self._pattern, self._place)
        if end is None:
            raise _Unread
        self._place = end.end()

    def _group(self) -> Needed:
        look = _LOOK.match(self._pattern, self._place)
        opening = look or _GROUP.match(self._pattern, self._place)
        if opening is None or opening[0].endswith("#"):
            raise _Unread
        self._place = opening.end()
        inside = self.alternatives()
        if self._next() != ")":
            raise _Unread
        self._place += 1
        return frozenset() if look else inside


def _worth(needed: Needed) -> float:
    """How much a choice of literals saves: long ones, and few of them; 0 for none at all."""
    shortest = min(map(len, needed), default=0)
    return shortest + 1 / (1 + len(needed)) if shortest >= _SHORTEST else 0.0
