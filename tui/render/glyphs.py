"""The characters the console draws with: one set is drawn, the others are translations of it cell by cell."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from rich.cells import cell_len

from engine.events.types import SessionState

GlyphSetting = Literal["auto", "unicode", "plain", "ascii"]

STATE_GLYPHS: dict[SessionState, str] = {
    SessionState.RUNNING: "●",
    SessionState.STARTING: "◐",
    SessionState.PARKED: "◦",
    SessionState.IDLE: "○",
    SessionState.APPROVAL: "?",
    SessionState.RETRYING: "▲",
    SessionState.BACKGROUND: "◎",
    SessionState.STOPPING: "◌",
    SessionState.FAILED: "✖",
    SessionState.ENDED: "▪",
}
STATE_ROLES: dict[SessionState, str] = {
    SessionState.RUNNING: "run",
    SessionState.STARTING: "wait",
    SessionState.PARKED: "muted",
    SessionState.IDLE: "muted",
    SessionState.APPROVAL: "ask",
    SessionState.RETRYING: "retry",
    SessionState.BACKGROUND: "run",
    SessionState.STOPPING: "muted",
    SessionState.FAILED: "fail",
    SessionState.ENDED: "muted",
}


def risk_mark(word: str, *, grave: bool) -> tuple[str, str]:
    """A risk as it is shown: its mark with its word, and the role."""
    if word == "?":
        return "? unknown", "ask"
    return (f"▲ {word}", "retry") if grave else (f"· {word}", "muted")


_UNICODE, _PLAIN, _ASCII = (
    "".join(parts)
    for parts in zip(
        ("●◐○▲✖✔◌◎", "■▒□▲x√○◙", "*~o!X+-@"),
        ("▸▾▴▌◆▪◦", "►▼▲▌♦▪.", ">v^|#=."),
        ("━─╍│▒", "█─▒│▒", "=-~|%"),
        ("▁▂▃▄▅▆▇█", "▄▄▄▄████", "...::###"),
        ("■‖◀▶▮▯⟳▼", "■║◄►■□~▼", "#|<>#.~v"),
        ("…·›‹–−→×≥←↩↑»•∞⏎", "…·><–-→×≥←◄↑»•∞¶", "~.><-->x><<^>*~/"),
        strict=True,
    )
)


class _AsciiTable(dict[int, str]):
    """Every character outside ASCII becomes as many question marks as it has cells."""

    def __missing__(self, key: int) -> str:
        return chr(key) if key < 128 else "?" * cell_len(chr(key))


PLAIN_TABLE: Mapping[int, str] = dict(zip(map(ord, _UNICODE), _PLAIN, strict=True))
ASCII_TABLE: Mapping[int, str] = _AsciiTable(zip(map(ord, _UNICODE), _ASCII, strict=True))


def glyph_table(setting: GlyphSetting, environ: Mapping[str, str] | None = None) -> Mapping[int, str] | None:
    """The table for `str.translate`, None for the full set.

    `auto` is ASCII on the Linux console and where the locale is not UTF-8, else unicode.
    """
    if setting == "auto":
        setting = _fitting(os.environ if environ is None else environ)
    return {"unicode": None, "plain": PLAIN_TABLE, "ascii": ASCII_TABLE}[setting]


def _fitting(environ: Mapping[str, str]) -> GlyphSetting:
    if environ.get("TERM") == "linux":
        return "ascii"
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "UTF-8"
    return "unicode" if "utf" in locale.lower() else "ascii"
