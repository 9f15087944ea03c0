"""A paste as the terminal brackets it, in one piece: Textual reads it character by character."""

from __future__ import annotations

from dataclasses import dataclass

BEGIN, END = "\x1b[200~", "\x1b[201~"
SURE = "\x1b[2"
"""What is held outside a paste; less may be a key, which must not wait here. A bracket that is cut before it is left to
Textual."""
LONGEST = 64 * 1024 * 1024
"""Characters after which a paste that does not end is given as what it is so far."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """What was pasted, with whatever escapes it holds."""

    text: str


class BracketedPastes:
    """Owner of the paste that has begun and not ended. Sans-IO: text in, what was typed and what was pasted out."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._within = False
        self._held = ""

    @property
    def holds(self) -> bool:
        """Whether the beginning of a bracket waits for the rest of it."""
        return bool(self._held)

    def feed(self, text: str) -> list[str | Pasted]:
        """More text from the terminal."""
        text, self._held = self._held + text, ""
        parts: list[str | Pasted] = []
        while text:
            mark = END if self._within else BEGIN
            before, found, rest = text.partition(mark)
            if not found:
                before, self._held = _without_beginning(before, mark, 1 if self._within else len(SURE))
            if self._within:
                self._take(before)
                if found or self._size > LONGEST:
                    parts.append(self._whole())
            elif before:
                parts.append(before)
            if found:
                self._within = not self._within
            text = rest
        return parts

    def idle(self) -> str:
        """Nothing more came: what was held outside a paste is typed."""
        if self._within:
            return ""
        held, self._held = self._held, ""
        return held

    def _take(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text)

    def _whole(self) -> Pasted:
        made = Pasted("".join(self._pieces).replace("\x00", ""))
        self._pieces, self._size = [], 0
        return made


def _without_beginning(text: str, mark: str, least: int) -> tuple[str, str]:
    """The text without what may be the beginning of a mark at its end, and that; it has at least so many characters."""
    for size in range(min(len(mark) - 1, len(text)), least - 1, -1):
        if text.endswith(mark[:size]):
            return text[:-size], text[-size:]
    return text, ""
