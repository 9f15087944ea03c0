"""The blocks of the Cache screen as lines: what is saved, and what it costs in memory. Pure."""

from __future__ import annotations

from engine.events.state import SessionView, State
from engine.events.types import CacheReading
from tui.model.columns import Column
from tui.model.list_state import ListState
from tui.model.sort import Sort
from tui.model.tables import Listing, command
from tui.render import formats
from tui.render.spans import Line, between, crop, rule
from tui.screens import list_lines

_BAR, _SHORT_BAR, _WIDE = 20, 8, 100
"""Cells of a bar, in a terminal that is wide enough and in others."""
_CAUSES = {
    "room": "for room", "age": "too old", "cleared": "cleared", "deleted": "deleted", "damaged": "damaged",
    "held up": "held up",
}  # fmt: skip
_PLACES = {1: "memory", 2: "disk"}


def memory_of(view: SessionView) -> int:
    """Bytes of a session's whole process tree: PSS where it was read, else RSS."""
    return view.pss or view.rss


def prompt_cache(state: State, width: int) -> list[Line]:
    """What the API's prompt cache saved: tokens that were read from it, of all that were sent."""
    totals = state.totals
    sent = totals.tokens_in + totals.tokens_cached + totals.tokens_cache_written
    left: Line = [("PROMPT CACHE  ", "muted"), (f"hit {formats.share(totals.tokens_cached, sent)}  ", "strong")]
    left.append((_bar(totals.tokens_cached, sent, width), "run"))
    text = f"read {formats.count(totals.tokens_cached)}  written {formats.count(totals.tokens_cache_written)}"
    return [between(left, [(f"{text}  not cached {formats.count(totals.tokens_in)} tokens ", "")], width)]


def levels(state: State, width: int) -> list[Line]:
    """The answer cache by level."""
    lines = [rule("ANSWER CACHE", width)]
    if not state.cache:
        return [*lines, [("nothing is known of it yet", "muted")]]
    head = f"{'LEVEL':<9}{'HIT':>5} {'':{_cells(width)}} {'HITS':>6}{'MISSES':>8}{'A HIT':>8}{'ANSWERS':>9}"
    head += f"  {'ROOM':<13}REMOVED"
    lines.append([(head, "muted")])
    lines += [_level(each, width) for each in state.cache]
    answered = state.totals.answered
    saved = f"{formats.plural(state.totals.cached, 'request')} of {formats.count(answered)} answered without a turn"
    return [*lines, crop([(saved, "muted")], width)]


def _level(each: CacheReading, width: int) -> Line:
    lookups = each.hits + each.misses
    room = f"{formats.size(each.size)} of {formats.size(each.max_bytes)}"
    took = f"{each.hit_time * 1e6:.0f}us" if each.hits else "–"
    removed = [
        (number, _CAUSES[cause]) for cause, number in sorted(each.removed.items()) if cause in _CAUSES and number
    ]
    causes = ", ".join(f"{number} {words}" for number, words in removed)
    where = f"{each.level} {_PLACES.get(each.level, '')}"
    text = f"{formats.count(each.hits):>6}{formats.count(each.misses):>8}{took:>8}{formats.count(each.entries):>9}"
    return crop(
        [
            (f"{where:<9}{formats.share(each.hits, lookups):>5} ", ""),
            (_bar(each.hits, lookups, width), "run"),
            (f" {text}  {room:<13}", ""),
            (f"{causes or '–'}   {each.policy}", "muted"),
        ],
        width,
    )


def memory(state: State, width: int) -> list[Line]:
    """What the sessions and the engine take, and who takes most below."""
    sessions = sum(memory_of(view) for view in state.sessions.values())
    number, engine = formats.plural(len(state.sessions), "session"), formats.size(state.engine.rss)
    text = f"sessions {formats.size(sessions)} in {number}   engine {engine}"
    return [rule("MEMORY BY SESSION", width), crop([(text, "")], width)]


def _cells(width: int) -> int:
    return _BAR if width >= _WIDE else _SHORT_BAR


def _bar(part: float, whole: float, width: int) -> str:
    cells = _cells(width)
    filled = round(cells * part / whole) if whole else 0
    return "━" * filled + "─" * (cells - filled)


MEMORY: Listing[SessionView] = Listing(
    "cache",
    "session",
    (
        Column("id", "SESSION", 8, 0, lambda r, _: r.id, lambda r: r.id, lambda r, _: r.id),
        Column(
            "memory", "MEMORY", 7, 1, lambda r, _: formats.size(memory_of(r)) if memory_of(r) else "·", memory_of,
            lambda r, _: memory_of(r), "right", most_first=True, unit="bytes",
        ),
        Column(
            "cpu", "CPU", 4, 3, lambda r, _: f"{r.cpu:.0f}" if r.cpu >= 0.5 else "·", lambda r: r.cpu,
            lambda r, _: r.cpu, "right", most_first=True, unit="percent of a core",
        ),
        Column(
            "turns", "TURNS", 6, 4, lambda r, _: str(r.turns), lambda r: r.turns, lambda r, _: r.turns, "right",
            most_first=True, unit="count",
        ),
        Column("user", "USER", 10, 5, lambda r, _: r.user or "–", lambda r: r.user, lambda r, _: r.user),
        Column("profile", "PROFILE", 10, 6, lambda r, _: r.profile, lambda r: r.profile, lambda r, _: r.profile),
        Column("prompt", "PROMPT", 24, 2, lambda r, _: r.prompt, lambda r: r.prompt.lower(), lambda r, _: r.prompt,
               flex=True),
    ),
    lambda view: view.id,
    lambda view: command("sessions", "show", view.id),
    Sort("memory", descending=True),
)  # fmt: skip
"""The sessions, those that take most memory first."""


def table(shown: ListState[SessionView], now: float, width: int, height: int, back: str) -> list[Line]:
    """The sessions, the cursor's in sight."""
    lines = list_lines.table(shown, now, width, height)
    return lines if shown.order else [*lines, [(f"  {list_lines.nothing(shown, 'no session runs', back)}", "muted")]]
