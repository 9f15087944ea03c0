"""The lines that every screen has: where you are, how the pool is, what you can press. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.cells import cell_len

from engine.events.state import EngineView, State
from engine.events.types import SessionState
from tui.actions.keymap import CAME_ALONG, Keymap
from tui.actions.registry import Action
from tui.model import trends
from tui.model.health import HealthSummary, oldest_wait
from tui.render import formats
from tui.render.glyphs import STATE_GLYPHS, STATE_ROLES
from tui.render.spans import Line, between, crop, fit, span_at, width_of

Tab = tuple[str, str, str]
TABS: tuple[Tab, ...] = (
    ("view.overview", "Overview", "overview"),
    ("view.sessions", "Sessions", "sessions"),
    ("view.errors", "Errors", "errors"),
    ("view.recovery", "Recovery", "recovery"),
    ("view.queue", "Queue", "queue"),
    ("view.cache", "Cache", "cache"),
    ("view.tuning", "Tuning", "tuning"),
    ("view.profiler", "Profile", "profiler"),
    ("view.conversations", "Conversations", "conversations"),
)
"""Action, name and mode of each screen that exists."""

SUMMARY_KEYS = ("approvals.review", "view.command", "view.help", "console.leave")
"""What the five lines of a tiny terminal offer."""

COUNTED = (
    SessionState.RUNNING,
    SessionState.STARTING,
    SessionState.IDLE,
    SessionState.APPROVAL,
    SessionState.RETRYING,
    SessionState.FAILED,
)


Words = Literal["all", "some", "none"]
"""Which counts have their word beside them."""
LEAST = 8
"""Cells that the pool's name and the place within the screen keep while the screens have their names or keys."""
_CUT = {"cut": (LEAST, LEAST), "shorter": (6, 5)}
"""Cells up to which a screen's name stays whole in the forms that cut it, and those of a longer one."""
MOST_OF_NAME = 16
"""Cells of the pool's name that go before the names of the other screens, where these may have names."""
NAMED = 116
"""Width from which on line 1 names every screen; below it, those one is not on are digits."""


def banners(engine: EngineView) -> tuple[str, ...]:
    """What is not real about the engine, from the whole sentence to the few words that must always be seen."""
    if not (engine.banner or engine.demo):
        return ()
    kind = engine.banner.partition(":")[0].partition(",")[0]
    demo = ("demo traffic", "demo") if engine.demo else ("",)
    shorter = (" · ".join(filter(None, (kind, words))) for words in demo)
    return tuple(dict.fromkeys(form for form in (engine.banner, *shorter) if form))


def where_line(
    title: str,
    mode: str,
    forms: Sequence[str],
    rate: str,
    width: int,
    crumb: str = "",
    keys: Keymap = CAME_ALONG,
    tabs: Sequence[Tab] = TABS,
) -> Line:
    """Line 1: the pool's name, the screens, the longest banner that fits, the refresh rate and the time.

    Nothing touches what stands beside it. Where room is short the screens lose their names, then their keys; then the
    pool's name, the place within the screen and the banner are cut.
    """
    right: Line = [(f"  {rate} ", "muted")]
    short = width_of([(forms[-1], "")]) + 2 if forms else 0
    sizes = ((title, MOST_OF_NAME if width >= NAMED else LEAST), (crumb, LEAST))
    name_least, place_least = (min(most, width_of([(text, "")])) + 2 if text else 0 for text, most in sizes)
    forms_of_tabs = ("names", "close", "cut", "shorter", "keys", "here") if width >= NAMED else ("keys", "here")
    offered = [_tab_line(mode, keys, tabs, form, gap=bool(crumb)) for form in forms_of_tabs]
    free = width - 1 - width_of(right)
    wanted = name_least + place_least + short
    shown = next((each for each in offered if width_of(each) + wanted <= free), offered[-1])
    room = free - width_of(shown)
    banner = next((form for form in forms if width_of([(form, "")]) + 2 + name_least + place_least <= room), "")
    if forms and not banner:
        banner = _cut(forms[-1], room - 2)
    room -= width_of([(banner, "")]) + 2 if banner else 0
    place = _cut(crumb, room - 2 - name_least)
    room -= width_of([(place, "")]) + 2 if place else 0
    name = _cut(title, room - 2)
    left: Line = [(f" {name}  " if name else " ", "muted"), *shown]
    if place:
        left.append((f"› {place}", "strong"))
    if banner:
        right.insert(0, (f"  {banner}", "ask"))
    return between(left, right, width)


def _cut(text: str, room: int) -> str:
    """The text in at most so many cells; nothing where there is no room for three."""
    return fit(text, min(room, width_of([(text, "")]))) if room >= 3 else ""


def _tab_line(mode: str, keys: Keymap, tabs: Sequence[Tab], form: str, *, gap: bool) -> Line:
    """The screens: with names, those `close` together, `cut` or `shorter`, with keys, or only the one `here`.

    With a `gap` something may follow at once.
    """
    line: Line = []
    for action, name, tab in tabs:
        key = keys.shown(action)
        whole = f"{key} {name}".strip()
        if tab == mode:
            line += [(f"[{whole}]", "here"), ("  " if form == "names" else " ", "")]
        elif form == "names":
            line.append((f"{whole}  ", ""))
        elif form == "close":
            line.append((f"{whole} ", ""))
        elif form in _CUT:
            least, short = _CUT[form]
            line.append((f"{key} {name if cell_len(name) <= least else _cut(name, short)} ".lstrip(), ""))
        elif form == "keys" and key:
            line.append((f"{key} ", ""))
    if line and not gap:
        line[-1] = (line[-1][0].rstrip(), line[-1][1])
    return line


def tab_at(line: Line, x: int, keys: Keymap = CAME_ALONG, tabs: Sequence[Tab] = TABS) -> str:
    """The mode of the screen whose name in line 1 is at cell `x`, or an empty string."""
    at = span_at(line, x)
    words = line[at][0].strip(" []").split() if at is not None else []
    modes = {(keys.shown(action) or name.split()[0]): tab for action, name, tab in tabs}
    return modes.get(words[0], "") if words and at else ""


def health_line(verdict: HealthSummary, state: State, now: float, width: int) -> Line:
    """Line 2: one glyph, one word, the reasons in words; size and uptime at the right."""
    head = f" {verdict.glyph} {verdict.word}   "
    key, _, word = verdict.hint.partition(" ")
    right: Line = [(f"  {key}", "key"), (f" {word} ", "strong")] if verdict.hint else []
    sentence = whole_reasons(verdict.reasons, width - width_of([(head, ""), *right]))
    left: Line = [(head, verdict.role), (sentence, "")]
    if state.engine.started_at:
        facts = f"   {slots(state)}   up {formats.span(now - state.engine.started_at)} "
        if width_of(left) + width_of(right) + len(facts) <= width:
            right.append((facts, "muted"))
    return between(left, right, width)


def whole_reasons(reasons: Sequence[str], width: int) -> str:
    """As many reasons as fit whole, and how many more there are; the first is always there."""
    for kept in range(len(reasons), 0, -1):
        more = f" · +{len(reasons) - kept}" if kept < len(reasons) else ""
        sentence = " · ".join(reasons[:kept]) + more
        if cell_len(sentence) <= width:
            return sentence
    return reasons[0] if reasons else ""


def slots(state: State) -> str:
    """How many sessions there are of how many there may be."""
    limit = f"/{state.engine.max_size}" if state.engine.max_size else ""
    return f"{len(state.sessions)}{limit} sessions"


def keys_line(actions: Sequence[Action], width: int, *, read_only: bool = False) -> Line:
    """The last line: the keys of this screen, the most wanted first, as many as fit whole; help always fits."""
    offered = [action for action in actions if not (read_only and action.acts)]
    last = [action for action in offered if action.footer >= 98]
    tail = _keys(last)
    room = width - 1 - width_of(tail)
    line: Line = [(" ", "")]
    for action in offered:
        if action.footer >= 98:
            continue
        spans = _keys([action])
        if width_of(spans) > room:
            break
        line += spans
        room -= width_of(spans)
    return crop([*line, *tail], width)


def _keys(actions: Sequence[Action]) -> Line:
    line: Line = []
    for action in actions:
        line += [(action.shown_key, "key"), (f" {action.short or action.text}  ", "muted")]
    return line


def counts_line(state: State, failed: int, words: Words) -> Line:
    """How many sessions are in each state, with the word of each, of those that there are, or with none."""
    tally = tally_states(state)
    tally[SessionState.FAILED] = failed
    line: Line = []
    for which in COUNTED:
        number = tally[which]
        word = f" {which.value}" if words == "all" or (words == "some" and number) else ""
        role = STATE_ROLES[which] if number else "muted"
        line += [(STATE_GLYPHS[which], role), (f" {number}{word}" if word else str(number), "" if number else "muted")]
        line.append(("   " if words == "all" else "  " if words == "some" else " ", ""))
    return line


def fitting_words(state: State, failed: int, width: int) -> Words:
    """As many words as there is room for."""
    forms: tuple[Words, ...] = ("all", "some")
    return next((words for words in forms if width_of(counts_line(state, failed, words)) <= width), "none")


def tally_states(state: State) -> dict[SessionState, int]:
    """Sessions by state."""
    tally = dict.fromkeys(SessionState, 0)
    for row in state.sessions.values():
        tally[row.state] += 1
    return tally


def summary_lines(
    verdict: HealthSummary, state: State, now: float, failed: int, width: int, keys: Keymap = CAME_ALONG
) -> list[Line]:
    """The whole console in five lines, for a terminal under 60 x 16."""
    trend = trends.measure(state.buckets, now, 1)
    asked = len(state.permissions)
    waiting = sum(1 for request in state.requests.values() if not request.session)
    wait = f" oldest {formats.span(oldest_wait(state, now))}" if waiting else ""
    lines: list[Line] = [
        [
            (f"{verdict.glyph} {verdict.word} ", verdict.role),
            (whole_reasons(verdict.reasons, width - len(verdict.word) - 3), ""),
        ],
        counts_line(state, failed, fitting_words(state, failed, width)),
        [(f"{formats.count(trend.tokens.now)} tok/s p95 {formats.took(trend.p95.now)} queue {waiting}{wait}", "")],
        [(f"? {formats.plural(asked, 'approval')}", "ask" if asked else "muted")],
        _keys([action for action in keys.actions if action.id in SUMMARY_KEYS]),
    ]
    return [crop(line, width) for line in lines]
