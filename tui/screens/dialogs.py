"""Questions over a screen: confirm with the facts, write a prompt, choose from a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input

from engine.events.state import State
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.widgets.styled import Answer, LineBlock, StyledScreen

BESIDE_OPTIONS = 6
"""Lines around the options of a chooser."""
SAMPLE_LINES = 7
"""Lines that a sample takes, with the empty one before it."""


class Dialog(StyledScreen[Answer], ModalScreen[Answer]):
    """A box with lines and, where something must be typed, one input. Escape leaves it without an answer."""

    CSS_PATH = "dialogs.tcss"
    AUTO_FOCUS: ClassVar[str | None] = "#entry"
    BOX: ClassVar[type[Widget]] = Container
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "close", show=False)]

    def __init__(
        self, title: str, lines: Sequence[Line], keys: str, *, entry: str | None = None, value: str = ""
    ) -> None:
        super().__init__()
        self._value = value
        self._title = title
        self._lines = list(lines)
        self._keys = keys
        self._entry = entry

    def compose(self) -> ComposeResult:
        """The box."""
        with self.BOX(id="box") as box:
            box.border_title = self._in_glyphs(clean(self._title).replace("[", "("))
            box.border_subtitle = self._in_glyphs(self._keys)
            yield LineBlock(id="lines")
            if self._entry is not None:
                yield Input(self._value, id="entry", placeholder=self._in_glyphs(self._entry), select_on_focus=False)

    def _in_glyphs(self, text: str) -> str:
        """The text in the glyph set in use."""
        table: Mapping[int, str] | None = getattr(self.app, "glyph_table", None)
        return text.translate(table) if table is not None else text

    def on_mount(self) -> None:
        """Show the lines; what is typed goes behind what is there."""
        self.rewrite(self._lines)
        if self._value:
            self.query_one("#entry", Input).cursor_position = len(self._value)

    @property
    def room_height(self) -> int:
        """Lines of the window that no message takes."""
        return self.size.height - sum(toast.region.height for toast in self.query("Toast"))

    def rewrite(self, lines: Sequence[Line]) -> None:
        """Other lines in the same box."""
        block = self.query_one("#lines", LineBlock)
        block.styles.height = max(1, len(lines))
        block.show(lines)

    def action_leave(self) -> None:
        """No answer."""
        self.dismiss(None)


class ScrollingDialog(Dialog[None]):
    """A dialog with more lines than may fit, scrolled as Textual scrolls and by j and k."""

    AUTO_FOCUS = "#box"
    BOX = VerticalScroll
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def action_scroll(self, lines: int) -> None:
        """Down or up, where not all fits."""
        self.query_one("#box").scroll_relative(y=lines, animate=False)


class Question(Dialog[bool]):
    """Asks before an act.

    `shown_at` is when it came up, by the clock of Textual's events: what was typed before that answers nothing.
    """

    shown_at = float("inf")

    def on_mount(self) -> None:
        """From now on it can be answered: it is drawn next, and a key that follows the drawing at once counts."""
        super().on_mount()
        self.shown_at = events.Event().time


class Confirm(Question):
    """Asks before an act. With `count`, that number must be typed; otherwise enter says yes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "yes", "yes", show=False)]

    def __init__(self, title: str, facts: Sequence[Line], verb: str, keep: str, count: int = 0) -> None:
        ask = f"type {count} to {verb}" if count else None
        keys = f"esc {keep}" if count else f"enter {verb} · esc {keep}"
        super().__init__(title, facts, keys, entry=ask)
        self._count = count

    def action_yes(self) -> None:
        """Go on, where nothing has to be typed."""
        if not self._count:
            self.dismiss(True)

    @on(Input.Submitted)
    def _typed(self, message: Input.Submitted) -> None:
        if message.value.strip() == str(self._count):
            self.dismiss(True)
        else:
            message.input.value = ""


class TextEntry(Dialog[str]):
    """Takes one line, which may begin as `value`, and may be empty where it is `optional`; enter gives it back."""

    def __init__(
        self, title: str, facts: Sequence[Line], verb: str, ask: str, value: str = "", *, optional: bool = False
    ) -> None:
        super().__init__(title, facts, f"enter {verb} · esc close", entry=ask, value=value)
        self._optional = optional

    @on(Input.Submitted)
    def _typed(self, message: Input.Submitted) -> None:
        if message.value.strip() or self._optional:
            self.dismiss(message.value.strip())


class Chooser(Dialog[str]):
    """Choose one of a few; `preview` is called for each that the cursor reaches, `sample` draws it below the list."""

    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "step(1)", show=False),
        Binding("k,up", "step(-1)", show=False),
        Binding("enter", "take", show=False),
    ]

    def __init__(
        self,
        title: str,
        options: Sequence[tuple[str, str]],
        current: str,
        preview: Callable[[str], None] | None = None,
        sample: Callable[[str], list[Line]] | None = None,
        *,
        facts: Sequence[Line] = (),
        keys: str = "enter take · esc keep",
    ) -> None:
        super().__init__(title, [], keys)
        self._facts = list(facts)
        self._options = list(options)
        self._preview = preview
        self._sample = sample
        self._at = next((i for i, (key, _text) in enumerate(options) if key == current), 0)
        self._top = 0

    def on_resize(self) -> None:
        """As many options as fit."""
        self.rewrite(self._drawn())

    def action_step(self, step: int) -> None:
        """Cursor up or down, round the ends."""
        self._move_to((self._at + step) % len(self._options))

    def action_take(self) -> None:
        """This one."""
        self.dismiss(self._options[self._at][0])

    @on(LineBlock.Clicked)
    def _clicked(self, message: LineBlock.Clicked) -> None:
        """A click goes to an option, and takes the one that the cursor is on already."""
        row = message.y - len(self._facts)
        index = self._top + row
        if not 0 <= row < self._room or index >= len(self._options):
            return
        if index == self._at:
            self.action_take()
        else:
            self._move_to(index)

    def _move_to(self, index: int) -> None:
        self._at = index
        if self._preview is not None:
            self._preview(self._options[index][0])
        self.rewrite(self._drawn())

    @property
    def _room(self) -> int:
        """Options shown at once: what facts, sample, border and margins leave."""
        beside = BESIDE_OPTIONS + len(self._facts) + (SAMPLE_LINES if self._sample is not None else 0)
        return max(3, self.room_height - beside)

    def _drawn(self) -> list[Line]:
        width = max((len(key) for key, _text in self._options), default=0)
        room = self._room
        self._top = min(max(self._top, self._at - room + 1), self._at)
        shown = list(enumerate(self._options))[self._top : self._top + room]
        lines: list[Line] = [
            [("▌ " if i == self._at else "  ", ""), (f"{key:<{width}}   {text} ", "cursor" if i == self._at else "")]
            for i, (key, text) in shown
        ]
        if self._sample is not None:
            lines += [[], *self._sample(self._options[self._at][0])]
        return self._facts + lines


class Menu(Chooser, inherit_bindings=False):
    """A chooser whose options are letters, each a key that takes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", show=False),
        Binding("up", "step(-1)", show=False),
        Binding("enter", "take", show=False),
        Binding("escape", "leave", show=False),
    ]

    def __init__(
        self, title: str, options: Sequence[tuple[str, str]], facts: Sequence[Line] = (), keys: str = "esc close"
    ) -> None:
        super().__init__(title, options, "", facts=facts, keys=keys)

    def on_key(self, event: events.Key) -> None:
        """A letter is its option."""
        if any(event.character == letter for letter, _text in self._options):
            event.stop()
            event.prevent_default()
            self.dismiss(event.character)


class Overlay(Dialog[Answer]):
    """A dialog whose lines follow the facts: the console's one timer paints it too."""

    AUTO_FOCUS: ClassVar[str | None] = None

    def paint(self) -> None:
        """Show the store as it is now."""

    @on(LineBlock.Resized)
    def _resized(self) -> None:
        self.paint()


class Leaving(Confirm, Overlay[bool]):
    """Asks before the console is left with its engine; what that ends is shown as it is now."""

    def __init__(self, state: Callable[[], State]) -> None:
        super().__init__("LEAVE", leaving_facts(state()), "drain and leave", "stay")
        self._state = state

    def paint(self) -> None:
        """The engine's state has moved on."""
        if self.is_mounted and self.query("#lines"):
            self.rewrite(leaving_facts(self._state()))


class AppDialogs:
    """The questions of `tui.actions.host.Dialogs`, each a dialog over the screen in sight of the app."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app

    async def confirm(self, title: str, facts: Sequence[Line], verb: str, keep: str, count: int = 0) -> bool:
        """Whether the operator agrees; with `count`, that number must be typed."""
        agreed = await self._app.push_screen_wait(Confirm(title, facts, verb, keep, count))
        return bool(agreed)

    async def choose(
        self,
        title: str,
        options: Sequence[tuple[str, str]],
        current: str,
        *,
        facts: Sequence[Line] = (),
        keys: str = "enter take · esc keep",
    ) -> str | None:
        """One of the options, or None."""
        return await self._app.push_screen_wait(Chooser(title, options, current, facts=facts, keys=keys))

    async def choose_letter(
        self, title: str, options: Sequence[tuple[str, str]], facts: Sequence[Line] = ()
    ) -> str | None:
        """The letter of one of the options, or None."""
        return await self._app.push_screen_wait(Menu(title, options, facts))

    async def enter_text(
        self, title: str, facts: Sequence[Line], verb: str, ask: str, value: str = "", *, optional: bool = False
    ) -> str | None:
        """The line that the operator typed, empty only where that is optional, or None."""
        return await self._app.push_screen_wait(TextEntry(title, facts, verb, ask, value, optional=optional))


def leaving_facts(state: State) -> list[Line]:
    """What leaving does to an engine that runs inside the console."""
    running = sum(1 for row in state.sessions.values() if row.request)
    waiting = formats.plural(len(state.requests) - running, "request")
    return [
        [("The engine runs inside this console, so it is drained.", "")],
        [],
        [("running turns  ", "muted"), (f"{running}, given their grace to finish", "")],
        [("waiting        ", "muted"), (waiting, "")],
        *_unanswered(state),
        [("sessions       ", "muted"), (f"{len(state.sessions)}, stopped with everything they started", "")],
        *_others(state),
        [],
        [("`quarterdeck up` starts an engine that stays when you leave.", "muted")],
    ]


def _unanswered(state: State) -> list[Line]:
    """Approvals that nobody can answer any more."""
    if not (number := len(state.permissions)):
        return []
    return [[("approvals      ", "muted"), (f"{number} unanswered, and nobody left to answer", "ask")]]


def _others(state: State) -> list[Line]:
    """Who else looks at this engine, and loses it."""
    if not (number := state.engine.consoles):
        return []
    verb = "loses" if number == 1 else "lose"
    return [
        [("attached       ", "muted"), (f"{formats.plural(number, 'other console')} {verb} the engine too", "retry")]
    ]
