"""The Errors screen: classes over time, their causes, and the way down to one error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from textual.binding import BindingType

from engine.base.errors import ErrorKind
from engine.events.state import ErrorView
from engine.operations.declared.errors import CORRECT_ERROR, CorrectError
from tui.actions.registry import KeyScope, bindings
from tui.feeds.base import Feed
from tui.model import timeline
from tui.model.timeline import COLUMN_S, TimelineRow
from tui.render import formats
from tui.render.spans import Line, rule
from tui.screens import error_lines as draw
from tui.screens import list_lines
from tui.screens.list_screen import ListScreen


class ErrorsScreen(ListScreen[TimelineRow]):
    """The cursor is a class and a minute."""

    SCOPE = KeyScope.ERRORS
    MODE = "errors"
    CSS_PATH = "list_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.ERRORS))

    def __init__(self) -> None:
        super().__init__(draw.CLASSES)
        self._minute = 0.0
        self._sample = 0

    @property
    def columns(self) -> int:
        """Minutes that are shown."""
        return draw.chart_columns(self.size.width)

    @property
    def crumb(self) -> str:
        """The minute of the cursor."""
        return formats.clock(self._at)[:5] if self.store.has_data else ""

    @property
    def _at(self) -> float:
        """The cursor's minute within what is shown; the newest one until it is moved."""
        now = self.store.now
        first, last = timeline.start_of(now, self.columns), now - now % COLUMN_S
        return last if not self._minute else min(max(self._minute, first), last)

    def items(self) -> Sequence[TimelineRow]:
        """The classes."""
        return timeline.rows(self.store.state, self.store.now, self.columns)

    def _errors(self) -> list[ErrorView]:
        """Those of the cell; of the whole class while the cursor's minute has none and was not chosen."""
        found = timeline.cell(self.store.state, self.cursor, self._at)
        return found if found or self._minute else timeline.cell(self.store.state, self.cursor, None)

    def _chosen(self) -> ErrorView | None:
        errors = self._errors()
        return errors[-1 - self._sample % len(errors)] if errors else None

    def draw(self, width: int, height: int) -> list[Line]:
        """Chart, cell, sample, cause."""
        state, now, keys, row = self.store.state, self.store.now, self.console.keys, self.shown.row
        if row is None:
            empty = f"no error within the last {self.columns} minutes"
            said = list_lines.nothing(self.shown, empty, keys.shown("errors.back"))
            return [rule("ERRORS", width), [(" ● ", "run" if not self.shown.total else "muted"), (said, "")]]
        errors = self._errors()
        column = int((self._at - timeline.start_of(now, self.columns)) // COLUMN_S)
        tall = height >= 28
        lines = draw.chart(self.shown, state, column, now, width, 14 if tall else 9)
        lines += [[]] if tall else []
        when = formats.clock(self._at)[:5] if timeline.cell(state, row.name, self._at) or self._minute else "all"
        sessions = len({error.session for error in errors})
        title = f"{when}  {row.name}  {formats.plural(len(errors), 'error')} · {formats.plural(sessions, 'session')}"
        lines += draw.cell_block(timeline.error_groups(errors), title, width, 6 if tall else 3, keys)
        number = f"{self._sample % len(errors) + 1} of {len(errors)}" if errors else ""
        lines += draw.sample_block(self._chosen(), state, number, width, 6 if tall else 5, keys)
        lines += draw.cause_block(timeline.likely_cause(state, row, now), state, width, keys)
        return lines

    # looks

    def action_move(self, step: int) -> None:
        """Another class."""
        self._sample = 0
        super().action_move(step)
        self.paint()

    def action_minute(self, step: int) -> None:
        """Another minute."""
        self._minute, self._sample = self._at + step * COLUMN_S, 0
        self.paint()

    def action_cause(self, direction: int) -> None:
        """The minute of the next cause, or the one before."""
        start, at = timeline.start_of(self.store.now, self.columns), self._at
        minutes = sorted({cause.at - cause.at % COLUMN_S for cause in self.store.state.causes if cause.at >= start})
        found = [minute for minute in minutes if (minute - at) * direction > 0]
        if found:
            self._minute, self._sample = (found[0] if direction > 0 else found[-1]), 0
            self.paint()

    def action_sample(self) -> None:
        """Another error of the cell."""
        self._sample += 1
        self.paint()

    def action_open(self) -> None:
        """The transcript of the session that the error was in."""
        chosen = self._chosen()
        if chosen is not None and chosen.session:
            self.console.navigation.open_transcript(chosen.session)
        else:
            self.console.notify("This error was in no session.")

    def action_copy(self) -> None:
        """Ask what to copy; the id is that of the error that is shown, unless classes are marked."""
        from tui.actions import clipboard

        chosen, table = self._chosen(), self.shown.table(chosen=True)
        ids = chosen.id if chosen is not None and not self.shown.marks else ""
        clipboard.copy(self.console, table, clipboard.offers(table, ids))

    # acts

    def action_act(self, name: str) -> None:
        """Correct a class, or stage the way back from a tuning change."""
        if name == "correct" and (chosen := self._chosen()) is not None and (feed := self.live_feed()) is not None:
            self.do(self._correct(chosen, feed))
        elif name == "undo_tuning":
            self._stage_undo()

    async def _correct(self, error: ErrorView, feed: Feed) -> str | None:
        options = [(kind, "as it is now" if kind == error.type else "") for kind in [*ErrorKind, "none"]]
        kind = await self.console.dialogs.choose(f"WHAT IS {error.id}?", options, error.type)
        if kind is None or kind == error.type:
            return None
        correction = msgspec.convert({"id": error.id, "type": kind}, CorrectError)
        learned = (await feed.send(CORRECT_ERROR, correction)).rule.id
        return f"Errors like it are {kind} from now on ({learned}). Back: `quarterdeck classify forget {learned}`."

    def _stage_undo(self) -> None:
        row = self.shown.row
        cause = timeline.rise_cause(self.store.state, row, self.store.now) if row is not None else None
        if cause is None or cause.mark != "tuning":
            self.console.notify("No tuning change stands just before these errors.")
        else:
            self.console.navigation.stage({cause.subject: cause.before})
