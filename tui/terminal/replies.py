"""What a terminal says by itself, taken out of what its user types: a reply is no key."""

from __future__ import annotations

import re

LONGEST = 64 * 1024
"""Characters of a control string that are dropped; what follows counts as typed again."""
HOLD_S = 0.03
"""Time for which an escape character may be the beginning of something longer."""
STRING_S = 1.0
"""Time in which a control string ends, or is given up."""

_CONTROL = re.compile(
    r"(?P<string>(?:\x1b[\]P_^X]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c))"
    r"|(?P<sequence>(?:\x1b\[|\x9b)(?P<parameters>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~]))"
)
_STRING_BEGINS = re.compile(r"(?:\x1b[\]P_^X]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*\x1b?\Z")
_SEQUENCE_BEGINS = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*\Z|\x1b\Z")
_AWAITED = re.compile(r"\?(?:2026|2048);\d\Z")
"""Modes that the console asked for."""
_REPORTS = frozenset("cntxy")
"""Finals of sequences that no key sends: attributes, status, window, parameters, modes."""
_IN_BAND_SIZE = "48;"


class Replies:
    """Owner of what has begun and not ended. Sans-IO: text in, what was typed out."""

    def __init__(self) -> None:
        self._held = ""

    @property
    def wait(self) -> float | None:
        """Seconds after which `idle` is to be called when nothing more comes; None while nothing is held."""
        if not self._held:
            return None
        return HOLD_S if len(self._held) <= len("\x1b]") else STRING_S

    def feed(self, text: str) -> str:
        """More text from the terminal; returns what its user typed, and the replies that the console asked for."""
        text = _CONTROL.sub(_kept, self._held + text)
        self._held = ""
        begun = _STRING_BEGINS.search(text) or _SEQUENCE_BEGINS.search(text)
        if begun is None:
            return text
        self._held = text[begun.start() :]
        if len(self._held) > LONGEST:
            self._held = ""
        return text[: begun.start()]

    def idle(self) -> str:
        """Nothing more came: what was held is a key pressed with Alt or Escape, or a reply cut short."""
        held, self._held = self._held, ""
        cut_short = len(held) > len("\x1b]") and (_STRING_BEGINS.match(held) or held[2] in "?=>")
        return "" if cut_short else held


def _kept(found: re.Match[str]) -> str:
    """The control sequence, or nothing when it is a reply that nobody waits for."""
    if found["string"] is not None:
        return ""
    parameters, final = found["parameters"], found["final"]
    private = parameters[:1] in {"?", "=", ">"}
    if private:
        awaited = final == "y" and found["between"] == "$" and _AWAITED.match(parameters)
        return found[0] if awaited else ""
    if final in _REPORTS and not (final == "t" and parameters.startswith(_IN_BAND_SIZE)):
        return ""
    return found[0]
