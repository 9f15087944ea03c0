"""What the Overview shows while nothing needs anybody: whether answers are real, and what to do first. Pure."""

from __future__ import annotations

from engine.events.state import EngineView, State
from tui.actions.keymap import Keymap
from tui.render.spans import Line, crop, fit
from tui.render.wrapping import wrap_text

KEY = 5
"""Cells of a key."""
_REAL = (
    ("no Claude Code CLI", "`pip install 'quarterdeck[claude]'`, or name the CLI in `claude.binary`, and start again"),
    ("no API key", "`claude login`, or ANTHROPIC_API_KEY in the environment, and start again"),
)
"""What is missing, and what brings the real thing."""
_ASKED = "it was asked for; without `--backend simulator` and `engine.backend` the real CLI runs"
_OFFLINE = "without `--offline` the CLI asks the real API"


def first_steps(state: State, width: int, height: int, keys: Keymap, *, may_act: bool = True) -> list[Line]:
    """Why it simulates and how to go real; the first steps until a request has come, those that may be taken."""
    lines = _why(state.engine, width)
    if state.engine.started_at and not state.totals.requests:
        lines += [[("FIRST STEPS", "strong")], *(_step(key, text) for key, text in _steps(keys)[0 if may_act else 1 :])]
    if not lines:
        return []
    return [crop(line, width) for line in [[], *lines]][:height]


def _steps(keys: Keymap) -> list[tuple[str, str]]:
    sessions, talks = keys.shown("view.sessions"), keys.shown("view.conversations")
    command, helps = keys.shown("view.command"), keys.shown("view.help")
    return [
        (keys.shown("overview.prompt"), "send a prompt, and watch its answer come"),
        (f"{sessions} {talks}", "the sessions that work, and all conversations; enter reads one"),
        (f"{helps} {command}", "every key with the glyphs explained; every act by name"),
    ]


def _step(key: str, text: str) -> Line:
    return [(f" {fit(key, KEY)}", "key"), (text, "")]


def _why(engine: EngineView, width: int) -> list[Line]:
    """Nothing where the answers are a model's."""
    kind, _, reason = engine.banner.partition(":")
    reason = reason.partition(",")[0].strip()
    if kind.startswith("SIMULATOR"):
        made_up = "Answers are made up: the simulator stands in" + (f", {reason}." if reason else ".")
        how = next((text for missing, text in _REAL if reason.startswith(missing)), _ASKED)
    elif kind.startswith("offline"):
        made_up, how = "Answers come from the offline model, not from Claude.", _OFFLINE
    else:
        return []
    told, _more = wrap_text(f"{made_up} To go real: {how}.", max(20, width - 2), 3)
    return [[(" ", ""), *line] for line in told]
