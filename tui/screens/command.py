"""The command line at the bottom of the screen: completion while one types, earlier lines, what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Input

from engine.base.errors import QuarterdeckError
from tui.actions.command_line import MAX_LINE, Completion, LineError, Suggestion, commands, complete, parse
from tui.actions.line_actions import Callback, LineActions
from tui.render.plain_text import clean
from tui.render.spans import Line, crop, fit, rule
from tui.screens.dialogs import Overlay, ScrollingDialog
from tui.screens.tuning_lines import wrapped
from tui.widgets.styled import LineBlock

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost

_KEYS = "↑ earlier commands   tab complete   enter run   esc"
_ROOMY = 100


class LineInput(Input):
    """Takes one line; of what is pasted, what can be shown, and not more than a line holds."""

    def on_paste(self, event: events.Paste) -> None:
        """Escape codes and other lines do no harm."""
        event.prevent_default()
        event.stop()
        room = MAX_LINE - len(self.value) + len(self.selected_text)
        text = clean(event.text[: 4 * MAX_LINE].lstrip()).rstrip()
        self.replace(text[: max(0, room)], *sorted(self.selection))


class CommandScreen(Overlay[Callback]):
    """Gives back what is left to do; a line that is wrong stays, with the reason."""

    AUTO_FOCUS: ClassVar[str | None] = "#line"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False),
        Binding("up", "recall(-1)", show=False),
        Binding("down", "recall(1)", show=False),
    ]

    def __init__(self, acts: LineActions, line: str = "") -> None:
        super().__init__("", [], _KEYS)
        self._acts = acts
        self._line = line
        self._error = ""
        self._busy = False
        self._recalled = 0
        self._typed = ""
        self._read_at = -1.0

    @property
    def console(self) -> ConsoleHost:
        """The app, with its type."""
        return cast("ConsoleHost", self.app)

    def compose(self) -> ComposeResult:
        """The line, the completions, the keys."""
        with Container(id="prompt"):
            with Container(id="line-row"):
                yield LineBlock(id="sign")
                yield LineInput(self._line, id="line", max_length=MAX_LINE, compact=True, select_on_focus=False)
            yield LineBlock(id="offers")

    def on_mount(self) -> None:
        """Show the commands, and read the settings meanwhile."""
        self.query_one("#sign", LineBlock).show([[(" : ", "strong")]])
        self.paint()

    def paint(self) -> None:
        """The completions as they are now, and what is wrong."""
        if not self.is_mounted or not self.query("#offers"):
            return
        changed_at = self.console.store.live.settings_changed_at
        if changed_at != self._read_at:
            self._read_at = changed_at
            self.run_worker(self._load(), group="settings", exit_on_error=False)
        self.rewrite(self._offers(self.app.size.width - 1, max(3, min(12, self.app.size.height // 3))))

    def rewrite(self, lines: Sequence[Line]) -> None:
        """What stands below the line; it is as high whatever is typed."""
        offers = self.query_one("#offers", LineBlock)
        height = max(3, len(lines))
        if offers.styles.height is None or offers.styles.height.value != height:
            offers.styles.height = height
        offers.show(lines)

    def action_complete(self) -> None:
        """As far as the completions agree, else the first of them."""
        self._put(self._completion.extended(self._said))

    def action_recall(self, step: int) -> None:
        """An earlier line, or a later one, that begins as what was typed."""
        if not self._recalled:
            self._typed = self._said
        lines = [line for line in self.console.typed.lines if line.startswith(self._typed)][::-1]
        self._recalled = max(0, min(len(lines), self._recalled - step))
        self._put(lines[self._recalled - 1] if self._recalled else self._typed)

    @on(Input.Changed, "#line")
    def _changed(self, message: Input.Changed) -> None:
        message.stop()
        if (harmless := clean(message.value)) != message.value:
            message.input.value = harmless
            return
        self._error = ""
        self.paint()

    @on(events.Key)
    def _key(self, event: events.Key) -> None:
        """What is typed is a line of its own, no longer one that was recalled."""
        if event.key not in {"up", "down"}:
            self._recalled = 0

    @on(Input.Submitted, "#line")
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if not message.value.strip():
            self.dismiss(None)
        elif not self._busy:
            self._busy = True
            self.run_worker(self._run(message.value), group="line", exit_on_error=False)

    async def _run(self, line: str) -> None:
        try:
            doing = await self._acts.run(parse(line, self._acts.screens))
        except LineError as error:
            self._error = str(error)
            self.paint()
        else:
            self._remember(line)
            self.dismiss(doing)
        finally:
            self._busy = False

    def _remember(self, line: str) -> None:
        if problem := self.console.typed.add(line):
            self.console.notify(problem, severity="warning")

    async def _load(self) -> None:
        try:
            await self._acts.load()
        except QuarterdeckError:
            # Without them the line has no completion of settings; running one states why.
            return
        self.paint()

    @property
    def _said(self) -> str:
        return self.query_one("#line", Input).value

    def _put(self, line: str) -> None:
        entry = self.query_one("#line", Input)
        entry.value = line[:MAX_LINE]
        entry.cursor_position = len(entry.value)

    @property
    def _completion(self) -> Completion:
        return complete(self._said, self._acts.known)

    def _offers(self, width: int, height: int) -> list[Line]:
        below = [(" " + part, "fail") for part in wrapped(f"✖ {self._error}", width - 2, 3)] if self._error else []
        foot: list[Line] = [[span] for span in below] or [[(f" {_KEYS}", "muted")]]
        choices = list(self._completion.choices)
        room = height - 2 - len(foot)
        shown = choices[:room]
        if len(choices) > room > 0:
            more: Line = [(f"   … {len(choices) - room + 1} more", "muted")]
            lines = [offered(choice, width) for choice in shown[:-1]] + [more]
        else:
            lines = [offered(choice, width) for choice in shown]
        lines += [[] for _ in range(room - len(lines))]
        return [rule("", width), *lines, rule("", width), *foot]


class CommandHelp(ScrollingDialog):
    """The commands of the line, or those whose name begins so."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,question_mark,enter", "leave", show=False)]

    def __init__(self, wanted: str = "") -> None:
        super().__init__("COMMANDS   typed after :", [], "j k scroll · esc close")
        self._wanted = wanted

    def on_resize(self) -> None:
        """One line a command."""
        width = max(20, min(72, self.size.width - 10))
        shown: list[Line] = []
        for usage, text, also in commands():
            if any(name.startswith(self._wanted) for name in (usage, *also.split(", "))):
                line: Line = [(fit(usage, 30), "strong"), (f" {text}", "")]
                shown += [crop(line, width), *([[(f"  also {also}", "muted")]] if also else [])]
        self.rewrite(shown)


def offered(choice: Suggestion, width: int) -> Line:
    """A completion: its text, the value in force, what is allowed, what it is."""
    roomy = width >= _ROOMY
    if not choice.value and not choice.bounds:
        return crop([(f"   {fit(choice.text, 22)}", "strong"), (f" {clean(choice.note)}", "muted")], width)
    text = fit(choice.text, 46 if roomy else 34)
    line: Line = [(f"   {text}", "strong"), (f" {fit(choice.value, 12 if roomy else 9)}", "")]
    line += [(f" {fit(choice.bounds, 20 if roomy else 14)}", "muted"), (f" {clean(choice.note)}", "muted")]
    return crop(line, width)
