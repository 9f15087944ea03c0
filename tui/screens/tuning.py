"""The Tuning screen: every setting, values staged and applied as one, their effect, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from engine.base.errors import QuarterdeckError
from tui.actions.registry import KeyScope, bindings
from tui.actions.tuning_checks import explain, taken_together
from tui.model import trends
from tui.model.tables import Table, table_of
from tui.model.tuning import Tuning, TuningRow, inverse, stepped
from tui.model.tuning_history import PastTuning
from tui.render import formats
from tui.render.spans import Line
from tui.screens import tuning_lines as draw
from tui.screens.base_screen import BaseScreen
from tui.screens.dialogs import Chooser
from tui.screens.value_entry import ValueEntry
from tui.widgets.styled import LineBlock

_REFUSED = "Applied nothing: some values are refused; the rows say why."


class TuningScreen(BaseScreen):
    """All settings of the engine, one a row."""

    SCOPE = KeyScope.TUNING
    MODE = "tuning"
    CSS_PATH = "tuning.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.TUNING))

    def __init__(self) -> None:
        super().__init__()
        self.tuning = Tuning()
        self._cursor = ""
        self._words = ""
        self._staged_only = False
        self._history: int | None = None
        self._effect: draw.Effect | None = None
        self._trouble = ""
        self._past = PastTuning()
        self._seen = 0.0

    def compose_body(self) -> Iterable[Widget]:
        """Filter line and one block of lines."""
        editor = Input(id="words", placeholder="words of a setting's name, text or origin", compact=True)
        editor.display = editor.can_focus = False
        with Container(id="words-row"):
            yield LineBlock(id="words-line")
            yield editor
        yield LineBlock(id="desk")

    @property
    def desk(self) -> Tuning:
        """What is shown: what is tuned, or in the past the settings of that moment, empty when they are not known."""
        return self._past.at(self.store.now) if self.console.travelling else self.tuning

    @property
    def crumb(self) -> str:
        """How much is staged."""
        return f"{len(self.desk.staged)} staged" if self.desk.staged else ""

    @property
    def rows(self) -> list[TuningRow]:
        """The rows that the filter shows."""
        return self.desk.shown(self._words, staged_only=self._staged_only)

    @property
    def row(self) -> TuningRow | None:
        """The row under the cursor; it stays on its key while others come and go."""
        rows = self.rows
        return next((row for row in rows if row.key == self._cursor), rows[0] if rows else None)

    def on_screen_resume(self) -> None:
        """Shown again: the settings may have changed."""
        super().on_screen_resume()
        self.refetch()

    def table(self, *, chosen: bool = False) -> Table | None:
        """The settings that the filter shows, or the one under the cursor."""
        rows = [self.row] if chosen and self.row else self.rows
        return table_of(draw.settings(self.tuning), rows, self.store.now, of=len(self.tuning.rows), filter=self._words)

    def refetch(self) -> None:
        """Read settings and history anew; what is staged stays."""
        self._seen = self.store.live.settings_changed_at
        self.run_worker(self._load(), group="sheet", exit_on_error=False)

    def stage(self, texts: Mapping[str, str], *, apply: bool = False) -> None:
        """Propose these values, once the settings are here; with `apply` go on as A does."""
        self.run_worker(self._stage_all(dict(texts), apply=apply), group="stage", exit_on_error=False)

    def undo_last(self) -> None:
        """Ask to take the last change back, once the settings are here."""
        self._history = None
        self.run_worker(self._undo_last(), group="acts", exit_on_error=False)

    async def _undo_last(self) -> None:
        await self._load()
        await self._undo()

    def filter_problem(self, text: str) -> str:  # noqa: ARG002 - all words are well
        """Any words do."""
        return ""

    def set_filter(self, text: str) -> None:
        """Only settings with these words."""
        self._words = text
        self.query_one("#words", Input).value = text
        self.paint()

    def paint_body(self) -> None:
        """The table, the setting, what is staged, the effect, the history."""
        desk = self.query_one("#desk", LineBlock)
        width, height = desk.size
        self._paint_words()
        if width <= 0 or height <= 0:
            return
        if self.store.live.settings_changed_at != self._seen:
            self.refetch()
        if not self.desk.loaded:
            desk.show([[(f"  {self._trouble or self._past.missing(self.store.now)}", "muted")]])
            return
        desk.show((self._wide if width >= 110 else self._narrow)(width, height)[:height])

    def _wide(self, width: int, height: int) -> list[Line]:
        past = min(8, len(self.desk.changes) + 1 + (not self.desk.changes))
        upper = max(8, height - past - 7)
        left, side = width - draw.SIDE - 2, draw.SIDE
        row, keys = self.row, self.console.keys
        top = draw.beside(
            draw.table(self.rows, self.desk, row.key if row else "", left, upper),
            draw.detail(row, self.desk, side, upper, keys),
            width,
        )
        middle = draw.beside(draw.staged_block(self.desk, left, 6, keys), self._effect_lines(side), width)
        room = height - len(top) - len(middle) - 1
        history = draw.history_block(self.desk.changes, self._history, width, room, keys)
        return [*top, *middle[:6], [], *history]

    def _narrow(self, width: int, height: int) -> list[Line]:
        row, keys, third = self.row, self.console.keys, max(3, (height - 4) // 5)
        past = min(third, max(2, len(self.desk.changes) + 1))
        upper = max(4, height - 2 * third - 1 - past)
        lines = draw.table(self.rows, self.desk, row.key if row else "", width, upper)
        lines += draw.detail(row, self.desk, width, third + 1, keys)
        lines += draw.staged_block(self.desk, width, third, keys) if self.desk.staged or not self._effect else []
        if self._effect is not None and not self.console.travelling:
            lines += draw.effect_lines(self._effect, self._figures(), self.store.now, width)
        return lines + draw.history_block(self.desk.changes, self._history, width, max(2, height - len(lines)), keys)

    def _effect_lines(self, width: int) -> list[Line]:
        effect = None if self.console.travelling else self._effect
        return draw.effect_block(effect, self._figures(), self.store.now, width)

    def _figures(self) -> draw.Figures:
        state = self.store.live
        waiting = sum(1 for request in state.requests.values() if not request.session)
        return draw.Figures.of(trends.measure(state.buckets, self.store.live_now, 1), waiting)

    def _paint_words(self) -> None:
        editing = self.query_one("#words").display
        shown = f" / {self._words}" if self._words and not editing else ""
        only = " only what is staged" if self._staged_only else ""
        if self.console.travelling and self.desk.loaded:
            only += f" the values of {formats.clock(self.store.now)}"
            only += ", of the settings that change in this recording" if self.console.playback is not None else ""
        line, text = self.query_one("#words-line", LineBlock), " / " if editing else f"{shown}{only}"
        if line.styles.width is None or line.styles.width.value != max(3, cell_len(text)):
            line.styles.width = max(3, cell_len(text))
        line.show([[(text, "muted")]])

    # what the engine says

    async def _load(self) -> None:
        feed = self.console.feed
        if feed is None:
            return
        try:
            sheet = await feed.tuning()
        except QuarterdeckError as error:
            self._trouble = str(error)
        else:
            self.tuning.load(sheet)
            started = None if self.console.playback is not None else self.store.live.engine.started_at
            self._past.load(sheet, started)
            self._trouble = ""
        self.paint()

    async def _stage_all(self, texts: dict[str, str], *, apply: bool = False) -> None:
        if not self.tuning.loaded:
            await self._load()
        for key, text in texts.items():
            self.tuning.stage(key, text)
            self._cursor = key
            await self.explain(key)
        if apply:
            await self._apply()

    async def explain(self, key: str) -> str:
        """Ask whether the proposal would be taken; the refusal, kept at the field."""
        problem = await explain(self.tuning, key, self.console.feed)
        self.paint()
        return problem

    # looks

    def action_move(self, step: int) -> None:
        """Cursor up or down, in the pane that has it."""
        if self._history is not None:
            self._history = max(0, min(len(self.desk.changes) - 1, self._history + step))
        elif rows := self.rows:
            at = rows.index(self.row) if self.row in rows else 0
            self._cursor = rows[max(0, min(len(rows) - 1, at + step))].key
        self.paint()

    def action_pane(self) -> None:
        """From the settings to the history, and back."""
        self._history = 0 if self._history is None and self.desk.changes else None
        self.paint()

    def action_step(self, direction: int) -> None:
        """Stage the next sensible value."""
        if (row := self.row) is not None and not self._refuse_fixed(row):
            staged = self.tuning.staged.get(row.key)
            self.stage({row.key: stepped(row, staged.text if staged else row.current, direction)})

    def action_type(self) -> None:
        """Type a value, which is checked while it is typed; a choice is chosen."""
        if (row := self.row) is None or self._refuse_fixed(row):
            return
        staged = self.tuning.staged.get(row.key)
        now = staged.text if staged else row.current

        def taken(text: str | None) -> None:
            if text is None:
                self.tuning.drop(row.key) if staged is None else self.tuning.stage(row.key, staged.text)
                self.paint()
            else:
                self.stage({row.key: text})

        if row.choices:
            self.app.push_screen(Chooser(row.name, [(choice, "") for choice in row.choices], now), taken)
        else:
            self.app.push_screen(ValueEntry(row, now, self._try), taken)

    async def _try(self, key: str, text: str) -> str:
        self.tuning.stage(key, text)
        return await self.explain(key)

    def action_drop(self) -> None:
        """Take this proposal away."""
        if (row := self.row) is not None and not self.console.travelling:
            self.tuning.drop(row.key)
            self.paint()

    def action_staged(self) -> None:
        """Only what is staged, or all."""
        self._staged_only = not self._staged_only
        self.paint()

    def action_filter(self) -> None:
        """Edit the filter."""
        editor = self.query_one("#words", Input)
        editor.display = editor.can_focus = True
        editor.focus()
        self.paint()

    def action_back(self) -> None:
        """Leave the filter, the history, then the screen."""
        editor = self.query_one("#words", Input)
        if editor.display or self._words or self._staged_only:
            editor.value, self._words, self._staged_only = "", "", False
            self._close_editor()
        elif self._history is not None:
            self._history = None
        else:
            self.console.action_last_screen()
        self.paint()

    @on(Input.Changed, "#words")
    def _words_typed(self, message: Input.Changed) -> None:
        self._words = message.value
        self.paint()

    @on(Input.Submitted, "#words")
    def _words_done(self) -> None:
        self._close_editor()
        self.paint()

    def _close_editor(self) -> None:
        editor = self.query_one("#words", Input)
        editor.display = editor.can_focus = False
        self.set_focus(None)

    def _refuse_fixed(self, row: TuningRow) -> bool:
        if self.console.travelling:
            self.console.tell(self.console.refusal, "warning")
            return True
        if row.fixed:
            self.console.tell(f"{row.key} needs a restart of the engine: set it in the file.", "warning")
        return row.fixed

    # acts

    def action_act(self, name: str) -> None:
        """Apply what is staged, or undo a change."""
        console = self.console
        if console.refusal:
            console.tell(console.refusal, "warning")
        else:
            work = {"apply": self._apply, "undo": self._undo, "save": self._save}[name]
            console.carry_out(work())

    async def _apply(self) -> None:
        tuning, console = self.tuning, self.console
        if not tuning.staged:
            console.tell("Nothing is staged.")
            return
        if console.feed is None or not await taken_together(tuning, console.feed):
            console.tell(_REFUSED, "warning")
            self.paint()
            return
        facts: list[Line] = draw.staged_block(tuning, 70, 12, console.keys)[1:]
        pairs = " ".join(f"{key}={one.text}" for key, one in tuning.staged.items())
        same = draw.wrapped(f"quarterdeck config set {pairs}", 60, 6)
        facts += [[], *([("same as  " if not n else " " * 9, "muted"), (part, "")] for n, part in enumerate(same))]
        undo = f"{console.keys.shown('tuning.undo')}, or quarterdeck config undo"
        facts.append([("undo     ", "muted"), (undo, "")])
        lasts = f"until the engine ends; {console.keys.shown('tuning.save')} saves live changes to the settings file"
        facts.append([("lasts    ", "muted"), (lasts, "")])
        number = len(tuning.staged)
        if await console.dialogs.confirm("APPLY AS ONE", facts, f"apply {number}", "keep them staged"):
            what = draw.summary({key: (one.base, one.text) for key, one in tuning.staged.items()})
            await self._change(tuning.proposal(), what)

    async def _change(self, proposal: Mapping[str, object], what: str) -> None:
        feed, before = self.console.feed, self._figures()
        if feed is None:
            return
        try:
            await feed.change_settings(proposal)
        except QuarterdeckError as error:
            self.console.tell(str(error), "error")
            return
        for key in proposal:
            self.tuning.drop(key)
        self._effect = draw.Effect(self.store.live_now, what, before)
        await self._load()

    async def _save(self) -> None:
        """Write what was changed live to the settings file, so that the next engine has it too."""
        console, changed = self.console, sorted({key for change in self.tuning.changes for key in change.changes})
        if not changed:
            console.tell("No setting was changed live; there is nothing to save.")
            return
        facts: list[Line] = [[(key, "")] for key in changed[:12]]
        facts += [[("…", "muted")]] if len(changed) > 12 else []
        facts += [[], [("lasts    ", "muted"), ("for every engine that reads the file from now on", "")]]
        facts.append([("same as  ", "muted"), ("quarterdeck config save", "")])
        if console.feed is None or not await console.dialogs.confirm(
            "SAVE TO THE SETTINGS FILE", facts, "save", "keep them live only"
        ):
            return
        try:
            file, keys = await console.feed.save_settings()
        except QuarterdeckError as error:
            console.tell(str(error), "error")
        else:
            console.tell(f"Saved {formats.plural(len(keys), 'setting')} to {file}.")

    async def _undo(self) -> None:
        """The newest change is taken back by the engine; an older one is staged the other way round."""
        changes, console = list(self.tuning.changes)[::-1], self.console
        if not changes:
            console.tell("There is no change to undo.")
            return
        at = self._history or 0
        chosen = changes[at]
        if at > 0:
            await self._stage_all(inverse(chosen))
            console.tell(f"Staged the other way round; {console.keys.shown('tuning.apply')} applies it.")
            return
        facts: list[Line] = [[(f"{key}  {new} → {old}", "")] for key, (old, new) in chosen.changes.items()]
        facts += [
            [],
            [("by       ", "muted"), (chosen.who, "")],
            [("same as  ", "muted"), ("quarterdeck config undo", "")],
        ]
        if await console.dialogs.confirm("UNDO THE LAST CHANGE", facts, "undo", "keep it"):
            await self._take_back(draw.summary(chosen.changes))

    async def _take_back(self, what: str) -> None:
        feed, before = self.console.feed, self._figures()
        if feed is None:
            return
        try:
            await feed.undo_settings()
        except QuarterdeckError as error:
            self.console.tell(str(error), "error")
            return
        self._effect = draw.Effect(self.store.live_now, f"undone: {what}", before)
        await self._load()
