"""The one registry of actions: bindings, footer, key help and palette are all made from it.

Lower case looks, UPPER CASE acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding


class KeyScope(StrEnum):
    """Where an action is at hand."""

    APP = "everywhere"
    OVERVIEW = "Overview"
    SESSIONS = "Sessions"
    TRANSCRIPT = "Transcript"
    INBOX = "Approvals"
    ERRORS = "Errors"
    RECOVERY = "Recovery"
    QUEUE = "Queue"
    CACHE = "Cache"
    TUNING = "Tuning"
    CONVERSATIONS = "Conversations"
    PROFILER = "Profile"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a key does. `run` is the method behind it; `footer` orders the footer, 0 keeps it out."""

    id: str
    key: str
    text: str
    scope: str
    run: str
    acts: bool = False
    footer: int = 0
    label: str = ""
    short: str = ""

    @property
    def operation(self) -> str:
        """The id of the operation that it executes; empty when it only looks."""
        if not self.acts:
            return ""
        return OPERATIONS.get(self.id) or OPERATIONS[self.id.rpartition(".")[2]]

    @property
    def answers(self) -> bool:
        """Whether it answers an approval, so that it is of use only while one is in sight."""
        return self.id.rpartition(".")[2] in {"allow", "allow_all", "deny", "edit"}

    @property
    def shown_key(self) -> str:
        """The key as a person names it."""
        return self.label or self.key.split(",")[0]


OPERATIONS: Mapping[str, str] = {
    "allow": "permissions.answer",
    "allow_all": "permissions.answer",
    "deny": "permissions.answer",
    "edit": "permissions.answer",
    "prompt": "prompts.send",
    "interrupt": "sessions.interrupt",
    "stop": "sessions.stop",
    "kill": "sessions.kill",
    "scale": "pool.scale",
    "cancel": "prompts.cancel",
    "cache.clear": "cache.clear",
    "fork": "conversations.fork",
    "archive": "conversations.update",
    "rename": "conversations.update",
    "delete": "conversations.delete",
    "claude": "conversations.open",
    "correct": "errors.correct",
    "profiler.start": "profiler.start",
    "profiler.start_all": "profiler.start",
    "profiler.end": "profiler.stop",
    "undo": "config.undo",
    "apply": "config.change",
    "save": "config.save",
    "errors.undo": "config.change",
    **dict.fromkeys(("recovery.open", "recovery.close", "recovery.trip", "recovery.disable"), "breakers.control"),
    **dict.fromkeys(
        ("inbox.allow", "inbox.allow_all", "inbox.allow_profile", "inbox.deny", "inbox.marked"),
        "permissions.answer_group",
    ),
}
"""The operation behind each action that acts, by its id or by the last part of it."""


def _looks(
    id: str,  # noqa: A002
    key: str,
    text: str,
    scope: KeyScope,
    run: str,
    footer: int = 0,
    label: str = "",
    short: str = "",
) -> Action:
    return Action(id, key, text, scope, run, False, footer, label, short)


_APP, _OVER, _SESS, _TRAN, _INBOX = (
    KeyScope.APP,
    KeyScope.OVERVIEW,
    KeyScope.SESSIONS,
    KeyScope.TRANSCRIPT,
    KeyScope.INBOX,
)
_ERRS, _RECO, _QUEU, _TUNE = KeyScope.ERRORS, KeyScope.RECOVERY, KeyScope.QUEUE, KeyScope.TUNING
_CACH = KeyScope.CACHE
_CONV = KeyScope.CONVERSATIONS
_PROF = KeyScope.PROFILER


_UNLISTED = "filter sort reverse hold mark mark_all unmark marked"
"""What a screen has not whose lines can only be copied and exported."""


def _listed(scope: KeyScope, name: str, row: str, *, without: str = "", at: int = 20) -> tuple[Action, ...]:
    """What every list can, by the same keys; `without` names what this one has not, `at` is its place in the footer."""
    made = (
        _looks(f"{name}.filter", "slash", "filter the rows", scope, "screen.filter", at, "/", "filter"),
        _looks(f"{name}.sort", "s", "sort by…", scope, "screen.sort", at + 1, short="sort"),
        _looks(f"{name}.reverse", "S", "reverse the order", scope, "screen.reverse"),
        _looks(f"{name}.mark", "space", f"mark this {row}", scope, "screen.mark", at + 2, short="mark"),
        _looks(f"{name}.mark_all", "asterisk", "mark all that are shown", scope, "screen.mark_all", label="*"),
        _looks(f"{name}.unmark", "u", "take all marks away", scope, "screen.unmark"),
        _looks(f"{name}.marked", "x", "act on the marks", scope, "screen.marked", 29, short="act"),
        _looks(f"{name}.hold", "o", "hold the order", scope, "screen.hold", at + 5, short="hold"),
        _looks(f"{name}.copy", "y", "copy", scope, "screen.copy", 54, short="copy"),
        _looks(f"{name}.export", "e", "export this view", scope, "screen.export", 53, short="export"),
    )
    return tuple(action for action in made if action.id.rpartition(".")[2] not in without.split())


ACTIONS: tuple[Action, ...] = (
    _looks("view.overview", "1", "go to Overview", _APP, "app.go('overview')"),
    _looks("view.sessions", "2", "go to Sessions", _APP, "app.go('sessions')"),
    _looks("view.errors", "3", "go to Errors", _APP, "app.go('errors')"),
    _looks("view.recovery", "4", "go to Recovery", _APP, "app.go('recovery')"),
    _looks("view.queue", "5", "go to Queue", _APP, "app.go('queue')"),
    _looks("view.cache", "6", "go to Cache", _APP, "app.go('cache')"),
    _looks("view.tuning", "7", "go to Tuning", _APP, "app.go('tuning')"),
    _looks("view.profiler", "9", "go to Profile", _APP, "app.go('profiler')"),
    _looks("view.conversations", "0", "go to Conversations", _APP, "app.go('conversations')"),
    _looks("view.last", "grave_accent", "last screen", _APP, "app.last_screen", label="`"),
    _looks("view.freeze", "f", "freeze the view", _APP, "app.freeze", 50, short="freeze"),
    _looks("time.step_back", "comma", "refresh back", _APP, "app.step(-1)", 51, ",", "back"),
    _looks("time.step_on", "full_stop", "on", _APP, "app.step(1)", 52, ".", "on"),
    _looks("time.minute_back", "less_than_sign", "minute back", _APP, "app.minute(-1)", label="<"),
    _looks("time.minute_on", "greater_than_sign", "on", _APP, "app.minute(1)", label=">"),
    _looks("time.mark_before", "left_square_bracket", "event before", _APP, "app.mark(-1)", label="["),
    _looks("time.mark_after", "right_square_bracket", "next", _APP, "app.mark(1)", label="]"),
    _looks("time.jump", "ctrl+g", "go to a moment", _APP, "app.jump"),
    _looks("time.find", "ctrl+s", "find in a recording", _APP, "app.find"),
    _looks("time.note", "n", "note on a recording", _APP, "app.note"),
    _looks("time.play", "space", "play, pause a recording", _APP, "app.play"),
    _looks("time.live", "escape", "from the past to now", _APP, "app.live", label="esc"),
    _looks("view.slower", "minus", "paint less", _APP, "app.rate(-1)", label="-"),
    _looks("view.faster", "plus", "paint more", _APP, "app.rate(1)", label="+"),
    _looks("view.repaint", "ctrl+l", "repaint everything", _APP, "app.repaint"),
    _looks("view.theme", "T", "choose the theme", _APP, "app.choose_theme", 96, short="theme"),
    _looks("view.read_only", "ctrl+r", "read-only on / off", _APP, "app.read_only"),
    _looks("view.palette", "ctrl+p", "all commands, to search", _APP, "app.command_palette", 97, short="commands"),
    _looks("view.command", "colon", "command line", _APP, "app.command_line", 48, ":", "command"),
    _looks("view.retry", "r", "connect again now", _APP, "app.reconnect"),
    _looks("approvals.review", "exclamation_mark", "approvals inbox", _APP, "app.review", 49, "!", "review"),
    _looks("view.help", "question_mark", "keys", _APP, "app.help", 98, label="?"),
    _looks("console.leave", "q,ctrl+q,ctrl+c", "leave the console", _APP, "app.leave", 99, short="quit"),
    _looks("overview.down", "j,down", "next line", _OVER, "screen.move(1)"),
    _looks("overview.up", "k,up", "line before", _OVER, "screen.move(-1)"),
    *_listed(_OVER, "overview", "line", without=_UNLISTED),
    _looks("overview.open", "enter", "open this line", _OVER, "screen.open", 1, short="open"),
    _looks("sessions.open", "enter,t", "transcript of this row", _SESS, "screen.open", 1, short="transcript"),
    _looks("sessions.down", "j,down", "next row", _SESS, "screen.move(1)"),
    _looks("sessions.up", "k,up", "row before", _SESS, "screen.move(-1)"),
    _looks("sessions.top", "g,home", "first row", _SESS, "screen.top"),
    _looks("sessions.bottom", "G,end", "last row", _SESS, "screen.bottom"),
    _looks("sessions.page_down", "pagedown", "a page down", _SESS, "screen.page(1)", label="pgdn"),
    _looks("sessions.page_up", "pageup", "a page up", _SESS, "screen.page(-1)", label="pgup"),
    *_listed(_SESS, "sessions", "row", at=2),
    _looks("sessions.problems", "z", "only problems", _SESS, "screen.problems", 6, short="problems"),
    _looks("sessions.drawer", "d", "drawer on / off", _SESS, "screen.drawer", 8, short="drawer"),
    _looks("sessions.back", "escape", "back", _SESS, "screen.back", label="esc"),
    _looks("transcript.down", "j,down", "line down", _TRAN, "screen.move(1)"),
    _looks("transcript.up", "k,up", "line up", _TRAN, "screen.move(-1)"),
    _looks("transcript.page_down", "pagedown", "a page down", _TRAN, "screen.page(1)", label="pgdn"),
    _looks("transcript.page_up", "pageup", "a page up", _TRAN, "screen.page(-1)", label="pgup"),
    _looks("transcript.top", "g,home", "first line", _TRAN, "screen.top"),
    _looks("transcript.bottom", "G,end", "last line, and follow", _TRAN, "screen.bottom"),
    _looks("transcript.follow", "F", "follow on / off", _TRAN, "screen.follow", 5, short="follow"),
    _looks("transcript.expand", "enter", "fold, unfold long entries", _TRAN, "screen.expand", 6, short="unfold"),
    _looks("transcript.search", "slash", "search", _TRAN, "screen.search", 11, "/", "search"),
    _looks("transcript.pager", "o", "open in $PAGER", _TRAN, "screen.pager", 13, short="pager"),
    _looks("transcript.found_after", "n", "next match", _TRAN, "screen.find(1)"),
    _looks("transcript.found_before", "N", "before", _TRAN, "screen.find(-1)"),
    _looks("transcript.turn_before", "left_square_bracket", "prompt before", _TRAN, "screen.turn(-1)", 12, "[", "turn"),
    _looks("transcript.turn_after", "right_square_bracket", "next", _TRAN, "screen.turn(1)", label="]"),
    *_listed(_TRAN, "transcript", "entry", without=_UNLISTED),
    _looks("transcript.pane", "tab", "scroll page or card", _TRAN, "screen.pane"),
    _looks("transcript.back", "escape", "back", _TRAN, "screen.back", 9, "esc", "back"),
    _looks("inbox.down", "j,down", "next group", _INBOX, "screen.move(1)"),
    _looks("inbox.up", "k,up", "group before", _INBOX, "screen.move(-1)"),
    _looks("inbox.page_down", "pagedown", "scroll the input", _INBOX, "screen.page(1)", label="pgdn"),
    _looks("inbox.page_up", "pageup", "back", _INBOX, "screen.page(-1)", label="pgup"),
    _looks("inbox.pane", "tab", "scroll rows or input", _INBOX, "screen.pane", 9, short="input"),
    _looks("inbox.leaf", "n", "next input", _INBOX, "screen.leaf(1)"),
    _looks("inbox.leaf_back", "N", "one before", _INBOX, "screen.leaf(-1)"),
    *_listed(_INBOX, "inbox", "group", without="marked"),
    _looks("inbox.open", "enter", "context: its transcript", _INBOX, "screen.open", 8, short="context"),
    _looks("inbox.back", "escape", "close", _INBOX, "screen.back", label="esc"),
    _looks("errors.down", "j,down", "next class", _ERRS, "screen.move(1)"),
    _looks("errors.up", "k,up", "one before", _ERRS, "screen.move(-1)"),
    _looks("errors.earlier", "left", "a minute back", _ERRS, "screen.minute(-1)", 1, "←", "back"),
    _looks("errors.later", "right", "on", _ERRS, "screen.minute(1)", 2, "→", "on"),
    _looks("errors.cause_before", "left_square_bracket", "cause before", _ERRS, "screen.cause(-1)", 5, "[", "cause"),
    _looks("errors.cause_after", "right_square_bracket", "next", _ERRS, "screen.cause(1)", 6, "]", "next"),
    _looks("errors.sample", "n", "another sample", _ERRS, "screen.sample", 7, short="sample"),
    _looks("errors.open", "enter,t", "its transcript", _ERRS, "screen.open", 3, short="transcript"),
    *_listed(_ERRS, "errors", "class", without="marked"),
    _looks("errors.back", "escape", "back", _ERRS, "screen.back", label="esc"),
    Action("errors.correct", "L", "correct its class", _ERRS, "screen.act('correct')", True, 4, short="correct"),
    Action("errors.undo", "U", "stage tuning's way back", _ERRS, "screen.act('undo_tuning')", True, 8, short="undo"),
    _looks("recovery.down", "j,down", "next breaker", _RECO, "screen.move(1)"),
    _looks("recovery.up", "k,up", "one before", _RECO, "screen.move(-1)"),
    *_listed(_RECO, "recovery", "breaker"),
    _looks("recovery.back", "escape", "back", _RECO, "screen.back", label="esc"),
    Action("recovery.open", "O", "hold a breaker open", _RECO, "screen.act('breaker_open')", True, 1, short="open"),
    Action("recovery.close", "C", "close it", _RECO, "screen.act('breaker_close')", True, 2, short="close"),
    Action("recovery.trip", "X", "open it for a while", _RECO, "screen.act('breaker_trip')", True, 3, short="trip"),
    Action("recovery.disable", "D", "let all calls pass", _RECO, "screen.act('breaker_disable')", True, 4,
           short="disable"),
    _looks("cache.down", "j,down", "next session", _CACH, "screen.move(1)"),
    _looks("cache.up", "k,up", "one before", _CACH, "screen.move(-1)"),
    _looks("cache.page_down", "pagedown", "ten down", _CACH, "screen.move(10)", label="pgdn"),
    _looks("cache.page_up", "pageup", "ten up", _CACH, "screen.move(-10)", label="pgup"),
    _looks("cache.open", "enter,t", "its transcript", _CACH, "screen.open", 1, short="transcript"),
    *_listed(_CACH, "cache", "session", without="marked mark mark_all unmark"),
    _looks("cache.back", "escape", "back", _CACH, "screen.back", label="esc"),
    Action("cache.clear", "E", "delete cached answers", _CACH, "screen.act('clear')", True, 2, short="delete"),
    _looks("profiler.down", "j,down", "next function", _PROF, "screen.move(1)"),
    _looks("profiler.up", "k,up", "one before", _PROF, "screen.move(-1)"),
    _looks("profiler.page_down", "pagedown", "ten down", _PROF, "screen.move(10)", label="pgdn"),
    _looks("profiler.page_up", "pageup", "ten up", _PROF, "screen.move(-10)", label="pgup"),
    _looks("profiler.open", "enter", "the whole report", _PROF, "screen.open", 1, short="report"),
    _looks("profiler.callers", "c", "who calls the function", _PROF, "screen.callers", 6, short="callers"),
    _looks("profiler.baseline", "b", "compare with this capture", _PROF,
           "screen.baseline", 7, short="baseline"),
    _looks("profiler.trace", "T", "trace a request by stage", _PROF, "screen.trace", 5, short="trace"),
    *_listed(_PROF, "profiler", "function", without="marked mark mark_all unmark reverse"),
    _looks("profiler.back", "escape", "back", _PROF, "screen.back", label="esc"),
    Action("profiler.start", "S", "start a capture", _PROF, "screen.act('start')", True, 2, short="start"),
    Action("profiler.start_all", "M", "start one with memory", _PROF, "screen.act('start_all')", True, 3,
           short="with memory"),
    Action("profiler.end", "E", "end the capture", _PROF, "screen.act('end')", True, 4, short="end"),
    _looks("queue.down", "j,down", "next request", _QUEU, "screen.move(1)"),
    _looks("queue.up", "k,up", "one before", _QUEU, "screen.move(-1)"),
    _looks("queue.page_down", "pagedown", "ten down", _QUEU, "screen.move(10)", label="pgdn"),
    _looks("queue.page_up", "pageup", "ten up", _QUEU, "screen.move(-10)", label="pgup"),
    _looks("queue.open", "enter,t", "its transcript", _QUEU, "screen.open", 1, short="transcript"),
    *_listed(_QUEU, "queue", "request"),
    _looks("queue.back", "escape", "back", _QUEU, "screen.back", label="esc"),
    Action("queue.cancel", "X", "cancel it", _QUEU, "screen.act('cancel')", True, 2, short="cancel"),
    Action("queue.prompt", "P", "send a prompt", _QUEU, "screen.act('prompt')", True, 3, short="prompt"),
    _looks("conversations.down", "j,down", "next one", _CONV, "screen.move(1)"),
    _looks("conversations.up", "k,up", "one before", _CONV, "screen.move(-1)"),
    _looks("conversations.page_down", "pagedown", "ten down", _CONV, "screen.move(10)", label="pgdn"),
    _looks("conversations.page_up", "pageup", "ten up", _CONV, "screen.move(-10)", label="pgup"),
    _looks("conversations.open", "enter,t", "read it", _CONV, "screen.open", 1, short="read"),
    _looks("conversations.archived", "z", "archived ones, or not", _CONV, "screen.archived", 7, short="archived"),
    *_listed(_CONV, "conversations", "conversation"),
    _looks("conversations.back", "escape", "back", _CONV, "screen.back", label="esc"),
    Action("conversations.prompt", "P", "go on: send a prompt", _CONV, "screen.act('go_on')", True, 2, short="go on"),
    Action("conversations.fork", "F", "fork it", _CONV, "screen.act('fork')", True, 3, short="fork"),
    Action("conversations.archive", "A", "archive, or bring back", _CONV, "screen.act('archive')", True, 4,
           short="archive"),
    Action("conversations.rename", "N", "give it another title", _CONV, "screen.act('rename')", True, 6,
           short="name"),
    Action("conversations.delete", "X", "delete it", _CONV, "screen.act('delete')", True, 8, short="delete"),
    Action("conversations.claude", "O", "open in claude", _CONV, "screen.act('claude')", True, 9, short="claude"),
    _looks("conversations.write", "E", "export its text", _CONV, "screen.write", 5,
           short="export"),
    _looks("tuning.down", "j,down", "next setting", _TUNE, "screen.move(1)"),
    _looks("tuning.up", "k,up", "one before", _TUNE, "screen.move(-1)"),
    _looks("tuning.page_down", "pagedown", "ten down", _TUNE, "screen.move(10)", label="pgdn"),
    _looks("tuning.page_up", "pageup", "ten up", _TUNE, "screen.move(-10)", label="pgup"),
    _looks("tuning.less", "left", "smaller value", _TUNE, "screen.step(-1)", 2, "←", "less"),
    _looks("tuning.more", "right", "larger", _TUNE, "screen.step(1)", 3, "→", "more"),
    _looks("tuning.type", "enter", "type a value", _TUNE, "screen.type", 4, short="type"),
    _looks("tuning.drop", "d", "drop what is staged here", _TUNE, "screen.drop", 6, short="drop"),
    _looks("tuning.staged", "z", "only what is staged", _TUNE, "screen.staged", 8, short="staged"),
    _looks("tuning.filter", "slash", "find a setting", _TUNE, "screen.filter", 7, "/", "find"),
    *_listed(_TUNE, "tuning", "setting", without=_UNLISTED),
    _looks("tuning.pane", "tab", "settings or history", _TUNE, "screen.pane", 9, short="history"),
    _looks("tuning.back", "escape", "back", _TUNE, "screen.back", label="esc"),
    Action("tuning.apply", "A", "apply all that is staged", _TUNE, "screen.act('apply')", True, 1, short="apply"),
    Action("tuning.undo", "U", "undo a change", _TUNE, "screen.act('undo')", True, 5, short="undo"),
    _looks("tuning.presets", "b", "presets of settings", _TUNE, "screen.presets", 9, short="presets"),
    Action("tuning.save", "S", "save to the file", _TUNE, "screen.act('save')", True, 9, short="save"),
    Action("session.prompt", "P", "send a prompt", _SESS, "screen.act('prompt')", True, 10, short="prompt"),
    Action("session.interrupt", "I", "interrupt the turn", _SESS, "screen.act('interrupt')", True, 11,
           short="interrupt"),
    Action("session.stop", "R", "stop it", _SESS, "screen.act('stop')", True, 13, short="stop"),
    Action("session.kill", "K", "kill it", _SESS, "screen.act('kill')", True, 12, short="kill"),
    Action("session.claude", "O", "open in claude", _SESS, "screen.act('claude')", True, 14, short="claude"),
    Action("session.allow", "A", "allow what it asks, once", _SESS, "screen.act('allow')", True, 1,
           short="allow once"),
    Action("session.deny", "D", "deny it, say why", _SESS, "screen.act('deny')", True, 1, short="deny"),
    Action("overview.prompt", "P", "start a conversation", _OVER, "screen.act('prompt')", True, 2,
           short="prompt"),
    Action("overview.scale", "N", "set the size of the pool", _OVER, "screen.act('scale')", True, 3, short="scale"),
    Action("transcript.allow", "A", "allow what it asks, once", _TRAN, "screen.act('allow')", True, 1,
           short="allow once"),
    Action("transcript.allow_all", "C", "allow for conversation", _TRAN, "screen.act('allow_conversation')",
           True, 3, short="conversation"),
    Action("transcript.edit", "E", "edit it, then allow it", _TRAN, "screen.act('edit')", True, 3, short="edit"),
    Action("inbox.allow", "A", "allow the group, once", _INBOX, "screen.act('allow')", True, 1, short="allow once"),
    Action("inbox.allow_all", "C", "allow for conversation", _INBOX, "screen.act('allow_conversation')", True, 2,
           short="conversation"),
    Action("inbox.allow_profile", "O", "allow for the profile", _INBOX, "screen.act('allow_profile')", True, 3,
           short="profile"),
    Action("inbox.deny", "D", "deny the group, say why", _INBOX, "screen.act('deny')", True, 4, short="deny"),
    Action("inbox.edit", "E", "edit it, then allow it", _INBOX, "screen.act('edit')", True, 6, short="edit"),
    Action("inbox.grants", "G", "the grants in force", _INBOX, "screen.grants", False, 10, short="grants"),
    Action("inbox.marked", "M", "answer the marked ones", _INBOX, "screen.act('marked')", True, 7, short="marked"),
    Action("transcript.deny", "D", "deny it, say why", _TRAN, "screen.act('deny')", True, 2, short="deny"),
    Action("transcript.prompt", "P", "go on: send a prompt", _TRAN, "screen.act('prompt')", True, 4,
           short="prompt"),
    Action("transcript.interrupt", "I", "interrupt the turn", _TRAN, "screen.act('interrupt')", True, 7,
           short="interrupt"),
    Action("transcript.stop", "R", "stop it", _TRAN, "screen.act('stop')", True, 10, short="stop"),
    Action("transcript.kill", "K", "kill it", _TRAN, "screen.act('kill')", True, 8, short="kill"),
    Action("transcript.claude", "O", "open in claude", _TRAN, "screen.act('claude')", True, 55, short="claude"),
)  # fmt: skip


YIELDING = frozenset({"time.mark_before", "time.mark_after", "time.note", "time.play", "time.live", "view.theme"})
"""Actions everywhere whose key a screen may have for itself; `Station.check_action` states when it gives it back."""


def in_scope(*scopes: str, actions: Iterable[Action] = ACTIONS) -> list[Action]:
    """The actions at hand in these scopes, in the registry's order; `actions` may have keys of the operator's own."""
    return [action for action in actions if action.scope in scopes]


def bindings(*scopes: KeyScope) -> list[Binding]:
    """Textual bindings of these scopes; the footer of our own shows them, Textual's does not."""
    return [
        Binding(action.key, action.run, action.text, show=False, id=action.id, key_display=action.shown_key)
        for action in in_scope(*scopes)
    ]


def footer(scope: str, actions: Iterable[Action] = ACTIONS) -> list[Action]:
    """What the last line offers on a screen, the most wanted first."""
    actions = list(actions)
    taken = {key for action in in_scope(scope, actions=actions) for key in action.key.split(",")}
    shown = [
        action
        for action in in_scope(scope, KeyScope.APP, actions=actions)
        if action.footer and not (action.id in YIELDING and taken.issuperset(action.key.split(",")))
    ]
    return sorted(shown, key=lambda action: action.footer)


@dataclass(frozen=True, slots=True)
class Clash:
    """One key that two actions claim in one place; what is at hand everywhere is at hand in each place too."""

    key: str
    scope: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.key} in {self.scope}: {self.first} and {self.second}"


def clashing(actions: Iterable[Action]) -> Iterator[Clash]:
    """Every key with two owners in one place; an action everywhere that yields gives way to a screen's."""
    owners: dict[tuple[str, str], str] = {}
    # What is at hand everywhere comes first, so that every other place is held against it.
    for action in sorted(actions, key=lambda action: action.scope is not KeyScope.APP):
        for key in filter(None, action.key.split(",")):
            everywhere = owners.get((KeyScope.APP, key), "")
            if everywhere in YIELDING and action.scope is not KeyScope.APP:
                everywhere = ""
            other = everywhere or owners.setdefault((action.scope, key), action.id)
            if other != action.id:
                yield Clash(key, action.scope, other, action.id)
