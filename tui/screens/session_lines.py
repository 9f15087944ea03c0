"""What the drawer and the approval card say about one session. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from engine.events.state import TREND_SLOTS, PermissionView, SessionView
from engine.events.types import SessionState
from engine.sessions.transcripts import LivePart, TranscriptEntry
from tui.actions.keymap import CAME_ALONG, Keymap
from tui.actions.press_guard import ApprovalCard
from tui.model.columns import NEARLY_FULL, context_share, recent_trend, short_model
from tui.render import formats
from tui.render.entry_tail import EntryTail
from tui.render.glyphs import STATE_GLYPHS, STATE_ROLES, risk_mark
from tui.render.plain_text import clean
from tui.render.plots import area
from tui.render.spans import Line, between, crop, fit, rule, width_of
from tui.render.wrapping import wrap_text
from tui.screens import approval_lines

CONVERSATION = 23
"""Characters of a conversation's id in the drawer: its first four groups; `y` in the transcript copies all."""
LIVE_LINES = 4
"""Lines of what is being written in the drawer beside the grid."""
ACT = 11
"""Cells of a key and its act in the drawer."""
BESIDE_SHOWN, BELOW_SHOWN = 100, 30
"""Characters of what is asked for that the drawer shows beside the grid, and below it."""
_NO_TERMINAL = "simulator"
"""The backend whose conversations cannot be opened in a terminal."""
_FRAME = {"Bash": 160}
"""Bytes of an input beside what its summary holds: the names of its fields, and a command's description."""
KIND_ROLES = {"error": "fail", "user": "ask", "assistant": "", "note": "muted", "think": "muted"}


def drawer(
    row: SessionView,
    card: ApprovalCard | None,
    tail: Sequence[TranscriptEntry],
    now: float,
    pool_p95: float,
    width: int,
    height: int,
    keys: Keymap = CAME_ALONG,
    part: LivePart | None = None,
    page: EntryTail | None = None,
) -> list[Line]:
    """The drawer beside the grid: state, what it does, what it did, how it fares, what can be done.

    With a `page`, on a wide terminal, what it did is its transcript's end.
    """
    lines = [
        rule(row.id, width, f"{keys.shown('sessions.open')} transcript"),
        _state_line(row, now),
        *_what(row, width),
        *_who(row),
        *_where(row, width),
        *_used(row),
    ]
    if card is not None:
        lines += [[], *card_lines(card, now, width, keys)]
    writing = _writing(part, width, LIVE_LINES) if part is not None else []
    trend = "".join(area(recent_trend(row, now), TREND_SLOTS, 1)) if any(row.trend) else ""
    lines += [[], rule("NOW", width, trend), *(wrapped(_now(row, now), width, 2)), *writing]
    health = [[], rule("HEALTH", width), *_fares(row, now, pool_p95, width)]
    acts: list[Line] = [[], rule("ACTIONS", width), *_acts(row, keys)]
    room = height - len(lines) - len(health) - len(acts) - 2
    if room >= 1:
        last = page.lines(tail, width, room) if page is not None and tail else recent_entries(tail, room, width)
        lines += [[], rule("LAST", width), *last, *[[]] * (room - len(last) if page is not None else 0)]
    return [crop(line, width) for line in [*lines, *health, *acts]][:height]


def bottom(
    row: SessionView,
    card: ApprovalCard | None,
    tail: Sequence[TranscriptEntry],
    now: float,
    width: int,
    height: int,
    keys: Keymap = CAME_ALONG,
    part: LivePart | None = None,
) -> list[Line]:
    """The drawer below the grid, for narrow terminals."""
    title = f"{row.id}  {STATE_GLYPHS[row.state]} {row.state.value} {formats.span(now - row.since)}  {row.profile}"
    lines: list[Line] = [[(" ", ""), *rule(title, width - 1, f"{keys.shown('sessions.open')} transcript")]]
    if card is not None:
        lines += [question(card, now, width, keys)]
        if len(card.asked.risks) > 1:
            lines += approval_lines.wrapped_spans([("   risk ", "muted"), *_risks(card.asked)], width, " " * 8)
    else:
        lines += [[(" " + (progress(row) or row.prompt or row.last_error or "nothing to do"), "")]]
    lines += [[(" " + " · ".join(_facts(row)), "muted")]]
    if part is not None and card is None:
        lines += _writing(part, width, max(0, min(2, height - len(lines))))
    lines += recent_entries(tail, max(0, height - len(lines)), width)
    return [crop(line, width) for line in lines][:height]


def card_lines(
    card: ApprovalCard, now: float, width: int, keys: Keymap = CAME_ALONG, place: str = "session"
) -> list[Line]:
    """The approval: what is asked, until when, and the keys that answer it in this place."""
    asked = card.asked
    note = f"armed {card.bar}"
    lines = [rule(f"? {asked.tool} wants to run", width, note)]
    lines += [[("  " + text, "strong")] for text in _wrap(asked.summary or "(no details)", width - 4, 3)]
    left = max(0.0, asked.deadline - now)
    lines.append([(f"  asked {formats.span(now - asked.asked_at)} ago, denied in {formats.span(left)}", "muted")])
    allow, deny, review = (keys.shown(name) for name in (f"{place}.allow", f"{place}.deny", "approvals.review"))
    seen = f"   seen {asked.allowed_before}✔ {asked.denied_before}✖"
    same = f"   same ×{card.alike}, {review} answers all" if card.alike > 1 else ""
    lines += approval_lines.wrapped_spans([("  risk ", "muted"), *_risks(asked)], width, " " * 7)
    lines.append([(f" {seen}{same}".rstrip(), "muted")])
    near = clean(asked.nearest) or "no grant is like it"
    lines.append([("  nearest ", "muted"), (fit(near, max(8, width - 11)).rstrip(), "muted")])
    lines.append([("  ", ""), (allow, "key"), (" allow once   ", ""), (deny, "key"), (" deny", "")])
    if not shows_whole(asked, beside=True):
        lines.append(
            [
                ("  ", ""),
                (keys.shown("sessions.open"), "key"),
                (f" reads all {approval_lines.byte_count(asked.size)}", "muted"),
            ]
        )
    return lines


def shows_whole(asked: PermissionView, *, beside: bool) -> bool:
    """Whether the drawer shows all that is asked for, so that it may be allowed from there."""
    most = BESIDE_SHOWN if beside else BELOW_SHOWN
    is_short = len(asked.summary) <= most and asked.size <= len(asked.summary.encode()) + _FRAME.get(asked.tool, 40)
    return is_short and " with {" not in asked.action and "⏎" not in asked.action


def _risks(asked: PermissionView) -> Line:
    graves = asked.grave_risks if asked.risks else int(asked.grave)
    return approval_lines.risk_spans(asked.risks or [asked.risk], graves)


def in_sight(asked: PermissionView, lines: Sequence[Line]) -> bool:
    """Whether these lines hold all that is asked for and every risk of it, none of them cut."""
    drawn = "".join("".join(text for text, _role in line) for line in lines)
    drawn = "".join(drawn.split())
    wanted = [clean(asked.summary), *(text for text, _role in _risks(asked))]
    return all("".join(text.split()) in drawn for text in wanted)


def question(card: ApprovalCard, now: float, width: int, keys: Keymap = CAME_ALONG) -> Line:
    """The approval in one line."""
    asked = card.asked
    left: Line = [(" ? ", "ask"), (f"{asked.tool} {asked.summary}", "strong")]
    waits: Line = [(f"  {formats.span(now - asked.asked_at)}  ", "muted"), risk_mark(asked.risk, grave=asked.grave)]
    right: Line = [*waits, ("  ", "")]
    for answer in ("allow", "deny"):
        right += [(keys.shown(f"session.{answer}"), "key"), (f" {answer}  ", "muted")]
    right.append((card.bar, "muted"))
    return between(left, right, width)


def recent_entries(tail: Sequence[TranscriptEntry], count: int, width: int) -> list[Line]:
    """The newest transcript entries, one line each, newest first."""
    if not tail:
        return [[(" nothing said yet", "muted")]][:count]
    newest = list(tail)[-count:][::-1] if count > 0 else []
    return [_entry(entry, width) for entry in newest]


def _entry(entry: TranscriptEntry, width: int) -> Line:
    head = entry.title or entry.kind
    first = entry.text.lstrip().split("\n", 1)[0] if entry.text else ""
    text = f"{head}  {first}" if entry.kind in {"tool", "note", "error"} else first or head
    role = KIND_ROLES.get(entry.kind, "")
    return [(f" {formats.clock(entry.at)}  ", "muted"), (fit(text, max(0, width - 11)), role)]


def _state_line(row: SessionView, now: float) -> Line:
    return [
        (f" {STATE_GLYPHS[row.state]} {row.state.value}", STATE_ROLES[row.state]),
        (f" {formats.span(now - row.since)}   turn {row.turns + bool(row.request)}   {row.profile}", ""),
    ]


def progress(row: SessionView) -> str:
    """What the session does, and how far it is with what it writes: `writing, 240 words, 12 s, 31 tok/s`."""
    if not row.activity or not row.words:
        return row.activity
    words = formats.plural(row.words, "word")
    return f"{row.activity}, {words}, {formats.span(row.writing_s)}, {row.rate:.0f} tok/s"


def _writing(part: LivePart, width: int, most: int) -> list[Line]:
    """The last words of what is being written."""
    source = part.text[-width * (most + 2) :]
    if part.kind == "tool":
        source = source.replace("\\n", "\n")
    rows, _more = wrap_text(source, width - 4, 4 * most + 4)
    rows = [row for row in rows if any(text.strip() for text, _role in row)]
    return [[("   ", ""), *((text, "muted") for text, _role in row)] for row in rows[-most:]] if most > 0 else []


def _now(row: SessionView, now: float) -> str:
    if row.state is SessionState.FAILED:
        return f"nothing; it has ended ({row.reason})" if row.reason else "nothing; it has failed"
    if row.state is SessionState.STARTING:
        return "its process is starting"
    if row.words or not row.activity or not row.activity_since:
        return progress(row) or ("the turn has begun" if row.request else "nothing; it waits for a prompt")
    return f"{row.activity}  ({formats.span(now - row.activity_since)})"


def _what(row: SessionView, width: int) -> list[Line]:
    return wrapped(row.prompt, width, 2) if row.prompt else []


def _who(row: SessionView) -> list[Line]:
    return [
        [(" user   ", "muted"), (row.user or "–", "")],
        [(" conv   ", "muted"), (row.conversation[:CONVERSATION] or "–", "")],
    ]


def _where(row: SessionView, width: int) -> list[Line]:
    """A directory that the conversation does not have for itself: its end tells most."""
    if not row.cwd or row.cwd.endswith(row.conversation):
        return []
    room, shown = max(1, width - 8), clean(row.cwd)
    return [[(" dir    ", "muted"), (shown if len(shown) <= room else "…" + shown[1 - room :], "")]]


def _used(row: SessionView) -> list[Line]:
    tokens = f"{formats.count(row.tokens_in)} in  {formats.count(row.tokens_out)} out"
    cached = f"  {formats.count(row.tokens_cached)} cached" if row.tokens_cached else ""
    where = f"{row.cpu:.0f}%  {_memory(row)}  {_processes(row.processes)}"
    model: list[Line] = [[(" model  ", "muted"), (short_model(row.model), ""), *_context(row)]] if row.model else []
    return [
        *model,
        [(" tokens ", "muted"), (tokens + cached, "")],
        [(" cost   ", "muted"), (formats.money(row.cost), "")],
        [(" cpu    ", "muted"), (where, "")],
    ]


def _context(row: SessionView) -> Line:
    """How much of its model's window the conversation takes."""
    if not row.context:
        return []
    share = context_share(row)
    role = "retry" if share >= NEARLY_FULL else ""
    used = f"{share:.0f}% of {formats.count(row.context_window)}" if row.context_window else formats.count(row.context)
    return [(f"  context {used}", role)]


def _memory(row: SessionView) -> str:
    """RSS of the tree, and PSS once it was sampled."""
    return f"{formats.size(row.rss)} (pss {formats.size(row.pss)})" if row.pss else formats.size(row.rss)


def _processes(number: int) -> str:
    return f"{number} process" if number == 1 else f"{number} processes"


def _fares(row: SessionView, now: float, pool_p95: float, width: int) -> list[Line]:
    lines: list[Line] = []
    if row.turns:
        text = f" last turn {formats.seconds(row.last_duration)} (pool p95 {formats.took(pool_p95)})"
        lines.append([(text, "retry" if pool_p95 and row.last_duration > 2 * pool_p95 else "")])
    errors = formats.plural(row.errors, "error")
    lines.append([(f" {errors} in {formats.plural(row.turns, 'turn')}", "fail" if row.errors else "muted")])
    if row.retry_attempt:
        lines.append([(f" retrying, attempt {row.retry_attempt}", "retry")])
    if row.last_error:
        lines += [[(" " + text, "fail")] for text in _wrap(row.last_error, width - 2, 2)]
    lines.append([(f" {row.backend} {row.version.partition('-')[0]}  pid {row.pid or '–'}", "muted")])
    lines.append([(f" up {formats.span(now - row.started_at)}, started in {formats.seconds(row.start_s)}", "muted")])
    return lines


def _facts(row: SessionView) -> list[str]:
    tokens = formats.count(row.tokens_in + row.tokens_out)
    facts = [f"{row.user or 'nobody'}", f"{formats.plural(row.turns, 'turn')}", f"{tokens} tokens"]
    facts += [formats.money(row.cost), f"cpu {row.cpu:.0f}%", _memory(row)]
    return [*facts, f"conv {row.conversation[:8]}"] if row.conversation else facts


def _acts(row: SessionView, keys: Keymap) -> list[Line]:
    live = row.state is not SessionState.FAILED
    role = "" if live else "muted"
    pairs = (("prompt", "interrupt"), ("stop", "kill"))
    lines = [[span for name in pair for span in _act(name, keys, "" if name == "prompt" else role)] for pair in pairs]
    lines += [[(f" {keys.shown('sessions.marked')}", "strong"), (" hibernate, recycle, drain", role)]]
    if row.conversation and row.backend != _NO_TERMINAL:
        lines += [[(f" {keys.shown('session.claude')}", "strong"), (" open in claude, the agent's terminal", "")]]
    return lines


def _act(name: str, keys: Keymap, role: str) -> Line:
    key = keys.shown(f"session.{name}")
    return [(f" {key}", "strong"), (fit(f" {name}", ACT - width_of([(key, "")])), role)]


def wrapped(text: str, width: int, most: int) -> list[Line]:
    """The text in at most so many lines."""
    return [[(" " + part, "")] for part in _wrap(text, width - 2, most)]


def _wrap(text: str, width: int, most: int) -> list[str]:
    return textwrap.wrap(clean(text), max(8, width), max_lines=most, placeholder=" …", break_on_hyphens=False) or [""]
