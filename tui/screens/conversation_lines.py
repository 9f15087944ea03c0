"""The blocks of the Conversations screen as lines. Pure."""

from __future__ import annotations

from collections.abc import Callable

from engine.operations.declared.conversations import ConversationRow
from tui.actions.keymap import Keymap
from tui.model.columns import Column, folder_name
from tui.model.list_state import ListState
from tui.model.sort import Sort
from tui.model.tables import Listing, command
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line, between, columns, crop, fit, rule
from tui.render.wrapping import wrap_text
from tui.screens import list_lines

SHOWN = {
    "running": ("●", "run", "running"),
    "idle": ("○", "", "idle"),
    "terminal": ("▸", "ask", "terminal"),
    "hibernated": ("◦", "muted", "asleep"),
    "archived": ("▪", "muted", "archived"),
}
"""Glyph, role and word of each state."""
_ORDER = tuple(SHOWN)
DETAIL = 6
"""Lines about the row under the cursor."""
FACTS = 4
"""Those of them that are no words of the agent."""
PANE = 42
"""Percent of the width that the pane beside the list takes."""
Page = Callable[[int, int], list[Line]]
"""Draws what was said last into so many cells and lines."""


def name_of(row: ConversationRow) -> str:
    """Its title, or the beginning of its id where it has none."""
    return clean(row.title) or row.id[:8]


def _age(row: ConversationRow, now: float) -> float:
    return round(max(0.0, now - row.used), 3) if row.used else 0.0


def _folder(row: ConversationRow) -> str:
    return folder_name(row.directory, row.id)


CONVERSATIONS: Listing[ConversationRow] = Listing(
    "conversations",
    "conversation",
    (
        Column(
            "state", "STATE", 10, 1, lambda r, _: f"{SHOWN[r.state][0]} {SHOWN[r.state][2]}",
            lambda r: (float(_ORDER.index(r.state)), -r.used), lambda r, _: SHOWN[r.state][2],
            role=lambda r: SHOWN[r.state][1],
        ),
        Column("title", "TITLE", 24, 0, lambda r, _: name_of(r), lambda r: r.title.lower(), lambda r, _: r.title,
               flex=True),
        Column("words", "LAST WORDS", 30, 8, lambda r, _: clean(r.last_words) or "·", lambda r: r.last_words.lower(),
               lambda r, _: r.last_words, role=lambda _: "muted"),
        Column("user", "USER", 8, 4, lambda r, _: r.user or "–", lambda r: r.user, lambda r, _: r.user),
        Column(
            "used", "USED", 5, 2, lambda r, now: formats.coarse(now - r.used) if r.used else "–", lambda r: -r.used,
            _age, "right", timed=True, unit="seconds",
        ),
        Column("turns", "TURNS", 5, 5, lambda r, _: str(r.turns or "·"), lambda r: r.turns, lambda r, _: r.turns,
               "right", most_first=True, unit="count"),
        Column("cost", "COST", 6, 3, lambda r, _: formats.money(r.cost) if r.turns else "·", lambda r: r.cost,
               lambda r, _: r.cost, "right", most_first=True, unit="dollars"),
        Column("folder", "FOLDER", 10, 6, lambda r, _: _folder(r) or "·", lambda r: r.directory,
               lambda r, _: r.directory, role=lambda _: "muted"),
        Column("profile", "PROFILE", 9, 7, lambda r, _: r.profile, lambda r: r.profile, lambda r, _: r.profile,
               role=lambda _: "muted"),
        Column("session", "SESSION", 7, 9, lambda r, _: r.session or "–", lambda r: r.session, lambda r, _: r.session,
               role=lambda _: "muted"),
        Column("id", "ID", 8, 10, lambda r, _: r.id[:8], lambda r: r.id, lambda r, _: r.id, role=lambda _: "muted"),
    ),
    lambda row: row.id,
    lambda row: command("conversations", "show", row.id),
    Sort("used"),
)  # fmt: skip
"""The conversations, the one used last first."""


def beside(
    shown: ListState[ConversationRow], now: float, width: int, height: int, keys: Keymap, empty: str, page: Page
) -> list[Line]:
    """The conversations of a wide terminal, and beside them what was said last in the cursor's."""
    side = width * PANE // 100
    left = width - side - 2
    row = shown.get(shown.cursor)
    if row is None:
        return table(shown, now, width, height, keys, empty)
    head = [*detail(row, now, side, keys)[:FACTS], [], rule("LAST", side)]
    return columns(
        list_lines.table(shown, now, left, height), [*head, *page(side, height - len(head))], left + 2, width
    )


def table(
    shown: ListState[ConversationRow], now: float, width: int, height: int, keys: Keymap, empty: str
) -> list[Line]:
    """The conversations, the cursor's in sight, and below them what is known of it."""
    row = shown.get(shown.cursor)
    below = detail(row, now, width, keys) if row is not None and height >= DETAIL * 2 else []
    lines = list_lines.table(shown, now, width, max(2, height - len(below)))
    if not shown.order:
        nothing = list_lines.nothing(shown, empty, keys.shown("conversations.back"))
        return [*lines, [(f"  {nothing}", "muted")]]
    return [*lines, *[[]] * max(0, height - len(below) - len(lines)), *below]


def about(row: ConversationRow, width: int, keys: Keymap) -> Line:
    """The line above the transcript of one that no session holds."""
    glyph, _role, word = SHOWN[row.state if row.state in {"archived", "terminal"} else "hibernated"]
    left: Line = [(f" {glyph} {word}", "muted"), (f"  {name_of(row)}", "strong")]
    wakes = f"{keys.shown('transcript.prompt')} goes on with it"
    return between(left, [(f"  {formats.plural(row.turns, 'turn')}  {wakes} ", "muted")], width)


def detail(row: ConversationRow, now: float, width: int, keys: Keymap) -> list[Line]:
    """What the columns have no room for, and what can be done with it."""
    glyph, role, word = SHOWN[row.state]
    where = row.directory or "the workspace of its profile"
    made = f"begun {formats.span(now - row.created)} ago" if row.created else "begun before it was recorded"
    used = f"used {formats.span(now - row.used)} ago" if row.used else ""
    said, _more = wrap_text(row.last_words or "nothing said yet", max(20, width), 2)
    facts = [row.profile, made, used, formats.plural(row.turns, "turn"), formats.money(row.cost)]
    live = f" in {row.session}" if row.session else "; a prompt wakes it" if row.state == "hibernated" else ""
    if row.holder:
        live = f": {clean(row.holder)} has it"
    lines: list[Line] = [
        rule(name_of(row), width, f"{keys.shown('conversations.open')} read"),
        [(f"{glyph} {word}", role), (f"{live}   ", ""), (row.id, "muted")],
        [(" · ".join(fact for fact in facts if fact), "muted")],
        [("in ", "muted"), (fit(clean(where), max(8, width - 3)).rstrip(), "")],
        *said,
    ]
    return [crop(line, width) for line in lines][:DETAIL]
