"""Secrets in a text that arrives in pieces: what cannot be judged yet is held back. Pure."""

from __future__ import annotations

import re

from engine.base.secret_text import SHOWN, secrets_in

CONTEXT = 4096
"""Characters before what is new in which a secret's name may stand."""
LEAST = 32
"""Characters that are looked through at once, so that one-letter pieces cost little."""
MOST_HELD = 65_536
"""Characters without a break that are held back; more of them are no secret that is known."""
_BREAK = re.compile(r"[\s,;]|\\[nrt]")
_KEY = "-----BEGIN "
_MOST_KEY = 16_384


class LiveSecrets:
    """Owner of the end of one text that grows; `grow` returns what may be shown of it, secrets left out."""

    def __init__(self) -> None:
        self._seen = ""
        """The last characters of what was judged."""
        self._held = ""
        """What came since."""

    def grow(self, piece: str) -> str:
        """What can be shown now; a word that may go on is held back."""
        self._held += piece
        if len(self._held) < LEAST:
            return ""
        breaks = [found.start() for found in _BREAK.finditer(self._held)]
        if not breaks and len(self._held) < MOST_HELD:
            return ""
        return self._judge(breaks[-1] if breaks else len(self._held))

    def end(self) -> str:
        """The rest."""
        return self._judge(len(self._held))

    def _judge(self, size: int) -> str:
        text = self._seen + self._held[:size]
        at, parts = len(self._seen), []
        for begin, end in secrets_in(text):
            if end <= at:
                continue
            parts += [text[at : max(at, begin)], SHOWN]
            at = end
        parts.append(text[at:])
        self._held = self._held[size:]
        self._seen = text[-CONTEXT:]
        key = text.rfind(_KEY)
        if key >= 0 and len(text) - key <= _MOST_KEY:  # its lines are known by its head
            self._seen = text[min(key, max(0, len(text) - CONTEXT)) :]
        return "".join(parts)
