"""The Tuning screen: every setting, values staged and applied as one, their effect, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from engine.base.errors import QuarterdeckError
from tui.actions.command_line import Suggestion
from tui.actions.registry import KeyScope, bindings
from tui.actions.tuning_checks import explain
from tui.feeds.tuning import settings_sheet
from tui.model.tuning import Tuning, TuningRow, stepped
from tui.model.tuning_history import PastTuning
from tui.render import formats
from tui.render.spans import Line
from tui.screens import tuning_lines as draw
from tui.screens.dialogs import Chooser
from tui.screens.list_screen import ListScreen
from tui.screens.tuning_changes import TuningChanges
from tui.screens.tuning_lines import Effect
from tui.screens.value_entry import ValueEntry
from tui.widgets.filter_row import FilterRow
from tui.widgets.styled import LineBlock


class TuningScreen(ListScreen[TuningRow]):
    """The cursor is a setting; in the history it is a change."""

    SCOPE = KeyScope.TUNING
    MODE = "tuning"
    CSS_PATH = "list_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.TUNING))

    def __init__(self) -> None:
        self.tuning = Tuning()
        super().__init__(draw.settings(self.tuning))
        self._changes = TuningChanges(self.tuning, self._load)
        self._staged_only = False
        self._history: int | None = None
        self._problem = ""
        self._past = PastTuning()
        self._seen = 0.0

    def compose_body(self) -> Iterable[Widget]:
        """Filter line and one block of lines."""
        yield FilterRow("words of a setting's name, text or origin", quiet=True, id="filter-row")
        yield LineBlock(id="board")

    @property
    def panel(self) -> Tuning:
        """What is shown: what is tuned, or in the past the settings of that moment, empty when they are not known."""
        return self._past.at(self.store.now) if self.console.time_travel.travelling else self.tuning

    @property
    def crumb(self) -> str:
        """How much is staged."""
        return f"{len(self.panel.staged)} staged" if self.panel.staged else ""

    @property
    def row(self) -> TuningRow | None:
        """The setting under the cursor."""
        return self.shown.row

    def items(self) -> Sequence[TuningRow]:
        """The settings, or those of them that are staged."""
        panel = self.panel
        return [row for row in panel.rows if row.key in panel.staged] if self._staged_only else panel.rows

    def sortable(self) -> Sequence[Suggestion]:
        """The settings stand by group."""
        return ()

    def on_screen_resume(self) -> None:
        """Shown again: the settings may have changed."""
        super().on_screen_resume()
        self.refetch()

    def refetch(self) -> None:
        """Read settings and history again; what is staged stays."""
        self._seen = self.store.live.settings_changed_at
        self.run_worker(self._load(), group="sheet", exit_on_error=False)

    def stage(self, texts: Mapping[str, str], *, apply: bool = False) -> None:
        """Propose these values, once the settings are here; with `apply`, apply them as one."""
        self.console.carry_out(self._stage(dict(texts), apply=apply))

    def undo_last(self) -> None:
        """Ask to undo the last change, once the settings are here."""
        self._history = None
        self.console.carry_out(self._undo_last())

    async def _stage(self, texts: dict[str, str], *, apply: bool) -> str | None:
        await self._changes.stage(self.console, texts)
        self.take()
        self.shown.point_at(next(reversed(texts), ""))
        self.paint()
        return await self._changes.apply(self.console) if apply else None

    async def _undo_last(self) -> str | None:
        await self._load()
        return await self._changes.undo(self.console)

    async def _load(self) -> None:
        feed = self.console.feed
        if feed is None:
            return
        try:
            sheet = await settings_sheet(feed)
        except QuarterdeckError as error:
            self._problem = str(error)
        else:
            self.tuning.load(sheet)
            started = None if self.console.time_travel.playback is not None else self.store.live.engine.started_at
            self._past.load(sheet, started)
            self._problem = ""
        self.paint()

    # painted

    def paint_filter(self) -> None:
        """The filter, and what else decides which settings are shown."""
        only = " only what is staged" if self._staged_only else ""
        if self.console.time_travel.travelling and self.panel.loaded:
            only += f" the values of {formats.clock(self.store.now)}"
            only += (
                ", of the settings that change in this recording"
                if self.console.time_travel.playback is not None
                else ""
            )
        text = "" if self.editing else f"{self.shown.filter.text}{only}"
        self.query_one(FilterRow).show(text, self.shown.problem, [], self.size.width)

    def draw(self, width: int, height: int) -> list[Line]:
        """The table, the setting, what is staged, the effect, the history."""
        if self.store.live.settings_changed_at != self._seen:
            self.refetch()
        if not self.panel.loaded:
            return [[(f"  {self._problem or self._past.missing(self.store.now)}", "muted")]]
        return (self._wide if width >= 110 else self._narrow)(width, height)

    def _wide(self, width: int, height: int) -> list[Line]:
        past = min(8, len(self.panel.changes) + 1 + (not self.panel.changes))
        upper = max(8, height - past - 7)
        left, side, keys = width - draw.SIDE - 2, draw.SIDE, self.console.keys
        top = draw.beside(
            draw.table(self.shown.rows, self.panel, self.cursor, left, upper),
            draw.detail(self.row, self.panel, side, upper, keys),
            width,
        )
        effect = draw.effect_block(self._effect, draw.figures_of(self.store), self.store.now, side)
        middle = draw.beside(draw.staged_block(self.panel, left, 6, keys), effect, width)
        room = height - len(top) - len(middle) - 1
        history = draw.history_block(self.panel.changes, self._history, width, room, keys)
        return [*top, *middle[:6], [], *history]

    def _narrow(self, width: int, height: int) -> list[Line]:
        keys, third = self.console.keys, max(3, (height - 4) // 5)
        past = min(third, max(2, len(self.panel.changes) + 1))
        upper = max(4, height - 2 * third - 1 - past)
        lines = draw.table(self.shown.rows, self.panel, self.cursor, width, upper)
        lines += draw.detail(self.row, self.panel, width, third + 1, keys)
        if self.panel.staged or self._changes.effect is None:
            lines += draw.staged_block(self.panel, width, third, keys)
        if self._effect is not None:
            lines += draw.effect_lines(self._effect, draw.figures_of(self.store), self.store.now, width)
        return lines + draw.history_block(self.panel.changes, self._history, width, max(2, height - len(lines)), keys)

    @property
    def _effect(self) -> Effect | None:
        return None if self.console.time_travel.travelling else self._changes.effect

    # looks

    def action_move(self, step: int) -> None:
        """Cursor up or down, in the pane that has it."""
        if self._history is None:
            super().action_move(step)
        else:
            self._history = max(0, min(len(self.panel.changes) - 1, self._history + step))
            self.paint()

    def action_pane(self) -> None:
        """From the settings to the history, and back."""
        self._history = 0 if self._history is None and self.panel.changes else None
        self.paint()

    def action_step(self, direction: int) -> None:
        """Stage the next sensible value."""
        if (row := self.row) is not None and not self._refuse_fixed(row):
            staged = self.tuning.staged.get(row.key)
            text = stepped(row, staged.text if staged else row.current, direction)
            self.tuning.stage(row.key, text)  # at once, so that each key of a burst goes on from the one before
            self.console.carry_out(self._checked(row.key))
            self.paint()

    async def _checked(self, key: str) -> str | None:
        await explain(self.tuning, key, self.console.feed)
        self.paint()
        return None

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
        problem = await explain(self.tuning, key, self.console.feed)
        self.paint()
        return problem

    def action_drop(self) -> None:
        """Take this proposal away."""
        if (row := self.row) is not None and not self.console.time_travel.travelling:
            self.tuning.drop(row.key)
            self.paint()

    def action_presets(self) -> None:
        """The settings that were saved under names."""
        from tui.screens.presets import PresetsList

        self.app.push_screen(PresetsList())

    def action_staged(self) -> None:
        """Only what is staged, or all."""
        self._staged_only = not self._staged_only
        self.paint()

    def action_back(self) -> None:
        """Leave the filter, the history, then the screen."""
        if self._staged_only:
            self._staged_only = False
            self.set_filter("")
            self.edit(False)
        elif self._history is not None and not (self.editing or self.shown.filter.text or self.shown.problem):
            self._history = None
            self.paint()
        else:
            super().action_back()

    def _refuse_fixed(self, row: TuningRow) -> bool:
        if self.console.time_travel.travelling:
            self.console.notify(self.console.refusal, severity="warning")
            return True
        if row.fixed:
            self.console.notify(f"{row.key} needs a restart of the engine: set it in the file.", severity="warning")
        return row.fixed

    # acts

    def action_act(self, name: str) -> None:
        """Apply what is staged, undo a change, or save."""
        if self.live_feed() is None:
            return
        match name:
            case "apply":
                self.console.carry_out(self._changes.apply(self.console))
            case "undo":
                self.console.carry_out(self._changes.undo(self.console, self._history or 0))
            case "save":
                self.console.carry_out(self._changes.save(self.console))
