"""One session's transcript as it is written, with the approval it waits for as part of the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Input

from engine.base.errors import QuarterdeckError
from engine.events.state import SessionView
from engine.events.types import SessionState
from engine.sessions.transcripts import TranscriptEntry
from tui.actions.registry import KeyScope, bindings
from tui.feeds.transcript_reader import TranscriptReader
from tui.model.columns import Column
from tui.model.tables import Listing, Table, command, harmless, table_of
from tui.render import formats
from tui.render.glyphs import STATE_GLYPHS, STATE_ROLES
from tui.render.plain_text import clean
from tui.render.spans import Line, between
from tui.screens import session_lines
from tui.screens.base_screen import BaseScreen
from tui.screens.live_follow import LiveFollow
from tui.widgets.filter_row import FilterRow
from tui.widgets.prose import Prose
from tui.widgets.styled import LineBlock

PAGES_BACK = 20
"""Pages that are read back by one key."""


def _entries(session: str) -> Listing[TranscriptEntry]:
    return Listing(
        "transcript",
        "entry",
        (
            Column("index", "INDEX", 5, 0, lambda r, _: str(r.index), lambda r: r.index, lambda r, _: r.index),
            Column("at", "AT", 8, 1, lambda r, _: formats.clock(r.at), lambda r: r.at, lambda r, _: round(r.at, 3)),
            Column("kind", "KIND", 9, 2, lambda r, _: r.kind, lambda r: r.kind, lambda r, _: r.kind),
            Column("title", "TITLE", 12, 3, lambda r, _: r.title, lambda r: r.title, lambda r, _: r.title),
            Column("text", "TEXT", 40, 4, lambda r, _: r.text, lambda r: r.text, lambda r, _: r.text),
        ),
        lambda entry: f"{session} #{entry.index}",
        lambda _entry: command("sessions", "show", session),
    )


class TranscriptScreen(LiveFollow, BaseScreen):
    """The transcript of one session, also after it ended."""

    SCOPE = KeyScope.TRANSCRIPT
    MODE = "sessions"
    CSS_PATH = "transcript.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.TRANSCRIPT))

    def __init__(self, session: str) -> None:
        super().__init__()
        self.session = session
        self._reader = TranscriptReader(session)
        self._problem = ""

    @property
    def crumb(self) -> str:
        """The session's id."""
        return self.session

    @property
    def prose(self) -> Prose:
        """The page."""
        return self.query_one("#prose", Prose)

    @property
    def row(self) -> SessionView | None:
        """The session, as the view has it."""
        state = self.store.state
        ended = next((view for view in reversed(state.ended) if view.id == self.session), None)
        return state.sessions.get(self.session, ended)

    def compose_body(self) -> Iterable[Widget]:
        """A line about the session, the page, and the card."""
        yield LineBlock(id="about")
        yield Prose(id="prose")
        yield FilterRow("text in this transcript", quiet=True, id="filter-row")
        yield LineBlock(id="card")

    def on_mount(self) -> None:
        """Start with the keyboard on the page."""
        self.prose.focus()
        self.follow_live()

    def targets(self) -> list[SessionView]:
        """This session; of one that has ended the conversation can still be gone on with."""
        return [self.row] if self.row is not None else []

    def paint_body(self) -> None:
        """The line about the session, the card, and whatever of the transcript is new."""
        self.query_one("#about", LineBlock).show([self._about()])
        self._paint_card()
        self._paint_prose()
        self._paint_search()
        if self.console.feed is not None and not self.store.frozen:
            self.pull()

    def followed(self) -> SessionView | None:
        """The session of this page."""
        return self.row

    def pull(self) -> None:
        """Read what is new."""
        self.run_worker(self._pull(), group="transcript", exit_on_error=False)

    def action_move(self, step: int) -> None:
        """A line up or down."""
        self.prose.move(step)
        self.paint()

    def action_page(self, pages: int) -> None:
        """A page up or down."""
        self.action_move(pages * max(1, self.prose.size.height - 1))

    def action_top(self) -> None:
        """The first line; what lies before it is read, so far as there is room for it at once."""

        async def to_top() -> str | None:
            for _ in range(PAGES_BACK):
                if not await self._pull_earlier():
                    break
            self.prose.to_top()
            self.paint()
            return None

        self.console.carry_out(to_top())

    def action_bottom(self) -> None:
        """The last line, and follow from there."""
        self.prose.follow(True)
        self.paint()

    def action_follow(self) -> None:
        """Follow, or stop following."""
        self.prose.follow(not self.prose.following)
        self.paint()

    def action_turn(self, step: int) -> None:
        """The prompt before or after this one."""
        self.console.carry_out(self._to_turn(step))

    async def _to_turn(self, step: int) -> str | None:
        while not self.prose.go_to_turn(step):
            if step > 0:
                self.prose.follow(True)
                break
            if not await self._pull_earlier():
                self.action_top()
                break
        self.paint()
        return None

    async def _pull_earlier(self) -> bool:
        """Read a page of what lies above; whether there was one."""
        feed, row = self.console.feed, self.row
        if feed is None or self.store.past:
            return False
        found = await self._reader.pull_earlier(feed, row.conversation if row is not None else "")
        if self.is_mounted:
            self._paint_prose()
        return found

    def on_prose_top_reached(self, message: Prose.TopReached) -> None:
        """The page was moved to its first entry: read what lies above it."""
        message.stop()

        async def read() -> str | None:
            await self._pull_earlier()
            return None

        self.console.carry_out(read())

    async def _find(self, step: int) -> str | None:
        """Upwards it looks through what is not read yet, too."""
        while not self.prose.find(step):
            if step > 0 or not await self._pull_earlier():
                where = "further down" if step > 0 else "further up"
                return f"{clean(self.prose.searched)!r} does not occur {where}."
        self.paint()
        return None

    def action_search(self) -> None:
        """Type what is searched for."""
        self._edit(True)

    def action_find(self, step: int) -> None:
        """Go to the next line that holds it, or to the one before."""
        if not self.prose.searched:
            self.console.notify(f"Nothing is searched for; {self.console.keys.shown('transcript.search')} does.")
        else:
            self.console.carry_out(self._find(step))

    def on_input_changed(self, message: Input.Changed) -> None:
        """What is typed is marked at once."""
        self.prose.search(clean(message.value))

    def on_input_submitted(self) -> None:
        """Enter closes the editor and goes to what was found, upwards from the end of the page."""
        self._edit(False)
        if self.prose.searched:
            self.action_find(-1 if self.prose.following else 1)

    def action_expand(self) -> None:
        """Fold or unfold the long entries."""
        self.prose.toggle_fold()

    def table(self, *, chosen: bool = False) -> Table | None:
        """The entries that are there, or the last one in sight."""
        prose = self.prose
        rows = ([prose.entry] if prose.entry is not None else []) if chosen else prose.entries
        return table_of(_entries(self.session), rows, self.store.now)

    def action_copy(self) -> None:
        """Ask what to copy of the last entry in sight, or of the conversation."""
        from tui.actions import clipboard

        table, entry, row = self.table(chosen=True), self.prose.entry, self.row
        if table is None or entry is None:
            self.console.notify("There is nothing here to copy.")
            return
        conversation = row.conversation if row is not None else ""
        _row, _id, *more = clipboard.offers(table)
        offered = [clipboard.CopyOption("r", "entry's text", lambda: harmless(entry.text or entry.title)), *more]
        offered.insert(1, clipboard.CopyOption("s", "session's id", lambda: self.session))
        if conversation:
            offered.insert(1, clipboard.CopyOption("i", "conversation", lambda: conversation))
        clipboard.copy(self.console, table, offered)

    def action_back(self) -> None:
        """One level back: the search, then the page."""
        if self._editor.display or self.prose.searched:
            self._editor.value = ""
            self.prose.search("")
            self._edit(False)
        else:
            self.dismiss()

    @property
    def _editor(self) -> Input:
        return self.query_one("#filter", Input)

    def _edit(self, on: bool) -> None:
        editor = self._editor
        editor.display = editor.can_focus = on
        self.set_focus(editor if on else self.prose)
        self.paint()

    def _paint_search(self) -> None:
        keys, wanted = self.console.keys, self.prose.searched
        row = self.query_one(FilterRow)
        row.display = self._editor.display or bool(wanted)
        hint = f"{keys.shown('transcript.found_after')} next  {keys.shown('transcript.found_before')} before  esc ends "
        row.show(wanted, "", [(hint, "muted")] if wanted else [], self.size.width)

    def _about(self) -> Line:
        row = self.row
        if row is None:
            return [(f" {self.session} is not known to the engine any more", "muted")]
        doing = f"  {row.prompt}" if row.prompt else ""
        progress = session_lines.progress(row) if row.state is SessionState.RUNNING else ""
        left: Line = [
            (f" {STATE_GLYPHS[row.state]} {row.state.value} {formats.span(self.store.now - row.since)}",
             STATE_ROLES[row.state]),
            (doing, "strong"),
            (f"  {progress}" if progress else "", ""),
        ]  # fmt: skip
        tokens = formats.count(row.tokens_in + row.tokens_out)
        conversation = f"conv {row.conversation[:8]}  " if row.conversation and self.size.width >= 100 else ""
        follow = "following ●" if self.prose.following else "held ‖"
        facts = f"  {conversation}turn {row.turns + bool(row.request)}  {tokens} tokens  {formats.money(row.cost)}"
        return between(left, [(f"{facts}  {follow} ", "muted")], self.size.width)

    def _paint_card(self) -> None:
        card = self.console.card(self.session)
        block = self.query_one("#card", LineBlock)
        keys = self.console.keys
        lines: list[Line] = []
        if card is not None:
            lines = [[], *session_lines.card_lines(card, self.store.now, self.size.width - 2, keys, "transcript"), []]
            more: Line = [("   ", ""), (keys.shown("transcript.allow_all"), "key"), (" allow in this conversation", "")]
            lines[-2] = [*lines[-2], *more]
        elif self._problem:
            lines = [[], [(f" {self._problem}", "fail")]]
        block.display = bool(lines)
        if block.styles.height is None or block.styles.height.value != max(1, len(lines)):
            block.styles.height = max(1, len(lines))
        block.show([[(" ", ""), *line] for line in lines])

    def _paint_prose(self) -> None:
        self._reader.follow(self.console.time_travel.seeks)
        entries = list(self._reader.entries)
        if self.store.past:
            entries = [entry for entry in entries if entry.at <= self.store.now]
        self.prose.show(entries, None if self.store.past else self._reader.part, self._head())

    def _head(self) -> Line:
        """What stands above the first entry."""
        reader, row = self._reader, self.row
        up = self.console.keys.shown("transcript.page_up")
        if reader.full:
            return [(" … more above than is shown here; the pager and an export have all of it", "muted")]
        if earlier := reader.in_memory:
            return [(f" … {formats.plural(earlier, 'earlier entry')}  {up} reads them", "muted")]
        if reader.at_begin or not reader.entries or self.store.past:
            return [(" the conversation begins here", "muted")] if reader.at_begin and not reader.dropped else []
        if row is not None and row.conversation and not self.console.time_travel.playback:
            return [(f" … {up} reads what was before, from the conversation's transcript", "muted")]
        if dropped := reader.dropped:
            return [(f" … {formats.plural(dropped, 'earlier entry')} no longer kept", "muted")]
        return []

    async def _pull(self) -> None:
        feed = self.console.feed
        try:
            if feed is not None and await self._reader.pull(feed) and self.is_mounted:
                self._paint_prose()
            self._problem = ""
        except QuarterdeckError as error:
            self._problem = str(error)
