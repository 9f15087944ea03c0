"""What can be done with a transcript that is read: searched, leafed through, read back, paged out, exported."""

from __future__ import annotations

import asyncio
import os
import tempfile
from typing import TYPE_CHECKING

from textual.widgets import Input

from engine.events.types import SessionState
from tui.feeds.transcript_reader import TranscriptReader
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.screens.base_screen import BaseScreen
from tui.widgets.filter_row import FilterRow
from tui.widgets.prose import Prose

if TYPE_CHECKING:
    from engine.events.state import SessionView
    from engine.operations.declared.conversations import ConversationRow

PAGES_BACK = 20
"""Pages that are read back by one key."""
_LEAVING = frozenset({SessionState.STOPPING, SessionState.FAILED})


class TranscriptReading(BaseScreen):
    """Base of the transcript's screen; it owns what was read of the session, or of a conversation that has none."""

    def __init__(self, session: str, conversation: ConversationRow | None = None) -> None:
        super().__init__()
        self.session = session
        self.conversation = conversation
        self._reader = TranscriptReader(session)

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

    @property
    def conversation_id(self) -> str:
        """The conversation that is read; empty while the session has none."""
        if self.conversation is not None:
            return self.conversation.id
        return self.row.conversation if self.row is not None else ""

    @property
    def is_held(self) -> bool:
        """Whether the session is there and stays, with the conversation that the page was opened for."""
        row = self.store.state.sessions.get(self.session)
        return row is not None and row.state not in _LEAVING and self._is_of(row)

    def _is_of(self, row: SessionView) -> bool:
        return self.conversation is None or row.conversation == self.conversation.id

    def follow_conversation(self) -> None:
        """A page opened for a conversation reads the session that holds it now, and without one its own transcript."""
        if self.conversation is None or self.is_held or self.store.past:
            return
        live = self.store.live.sessions
        held = next((row.id for row in live.values() if row.state not in _LEAVING and self._is_of(row)), "")
        if held or (self.session in live and not self._is_of(live[self.session])):
            self._read_in(held)

    def _read_in(self, session: str) -> None:
        self.session, self._reader = session, TranscriptReader(session)
        if not session:
            self.read_back()

    def paint_prose(self) -> None:
        """Show what was read."""
        self._reader.follow(self.console.time_travel.seeks)
        entries = list(self._reader.entries)
        if self.store.past:
            entries = [entry for entry in entries if entry.at <= self.store.now]
        self.prose.show(entries, None if self.store.past else self._reader.part, self._head())

    def action_top(self) -> None:
        """The first line; what is before it is read, so far as there is room for it at once."""

        async def to_top() -> str | None:
            for _ in range(PAGES_BACK):
                if not await self._pull_earlier():
                    break
            self.prose.to_top()
            self.paint()
            return None

        self.console.carry_out(to_top())

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
        """Read a page of what is above; whether there was one."""
        feed = self.console.feed
        if feed is None or self.store.past:
            return False
        found = await self._reader.pull_earlier(feed, self.conversation_id)
        if self.is_mounted:
            self.paint_prose()
        return found

    def read_back(self) -> None:
        """Read a page of what is above; of a conversation that no session holds the last one."""

        async def read() -> str | None:
            await self._pull_earlier()
            return None

        self.console.carry_out(read())

    def on_prose_top_reached(self, message: Prose.TopReached) -> None:
        """The page was moved to its first entry: read what is above it."""
        message.stop()
        if not self._reader.reads_back:
            self.read_back()

    def action_search(self) -> None:
        """Type what is searched for."""
        self._edit(True)

    def action_find(self, step: int) -> None:
        """Go to the next line that holds it, or to the one before."""
        if not self.prose.searched:
            self.console.notify(f"Nothing is searched for; {self.console.keys.shown('transcript.search')} does.")
        else:
            self.console.carry_out(self._find(step))

    async def _find(self, step: int) -> str | None:
        """Upwards it looks through what is not read yet, too."""
        while not self.prose.find(step):
            if step > 0 or not await self._pull_earlier():
                where = "further down" if step > 0 else "further up"
                return f"{clean(self.prose.searched)!r} does not occur {where}."
        self.paint()
        return None

    def on_input_changed(self, message: Input.Changed) -> None:
        """What is typed is marked at once."""
        self.prose.search(clean(message.value))

    def on_input_submitted(self) -> None:
        """Enter closes the editor and goes to what was found, upwards from the end of the page."""
        self._edit(False)
        if self.prose.searched:
            self.action_find(-1 if self.prose.following else 1)

    def action_export(self) -> None:
        """Ask how to export the entries, or the whole conversation to read."""
        from tui.actions import clipboard

        clipboard.export(self.console, self.table(), self._document)

    def action_pager(self) -> None:
        """Show the whole conversation in the operator's pager."""
        self.console.carry_out(self._page_out())

    async def _document(self) -> str:
        """All of the conversation that there is room for, read to its begin."""
        from tui.model.transcript_text import document

        while await self._pull_earlier():
            pass
        entries, row = list(self.prose.entries), self.row
        known = self.conversation
        unheld = f"{known.id}  {known.title}" if known is not None else self.session
        title = f"{self.session}  {row.prompt}" if row is not None else unheld
        reader = self._reader
        whole = not reader.full and (reader.at_begin or not reader.dropped)
        return await asyncio.to_thread(document, title, entries, whole=whole)

    async def _page_out(self) -> str | None:
        """A pager that is missing or fails is reported; the text goes through a file of the operator's own."""
        from tui.terminal.hand_over import hand_over, program

        pager = program(os.environ, "PAGER", "less")
        text = await self._document()
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="backslashreplace", suffix=".md") as file:
            file.write(text)
            file.flush()
            hand_over(self.app, [*pager, file.name])
        return None

    @property
    def editor(self) -> Input:
        return self.query_one("#filter", Input)

    def _edit(self, on: bool) -> None:
        editor = self.editor
        editor.display = editor.can_focus = on
        self.set_focus(editor if on else self.prose)
        self.paint()

    def paint_search(self) -> None:
        keys, wanted = self.console.keys, self.prose.searched
        row = self.query_one(FilterRow)
        row.display = self.editor.display or bool(wanted)
        hint = f"{keys.shown('transcript.found_after')} next  {keys.shown('transcript.found_before')} before  esc ends "
        row.show(wanted, "", [(hint, "muted")] if wanted else [], self.size.width)

    def _head(self) -> Line:
        """What stands above the first entry."""
        reader, row = self._reader, self.row
        up = self.console.keys.shown("transcript.page_up")
        if reader.full:
            return [(" … more above than is kept here; `quarterdeck conversations messages` reads all of it", "muted")]
        if earlier := reader.in_memory:
            return [(f" … {formats.plural(earlier, 'earlier entry')}  {up} reads them", "muted")]
        if reader.cleared:
            return [(" what stands above `/clear` is of an earlier conversation of this session", "muted")]
        if reader.at_begin or not reader.entries or self.store.past:
            return [(" the conversation begins here", "muted")] if reader.at_begin and not reader.dropped else []
        if row is not None and row.conversation and not self.console.time_travel.playback:
            return [(f" … {up} reads what was before, from the conversation's transcript", "muted")]
        if dropped := reader.dropped:
            return [(f" … {formats.plural(dropped, 'earlier entry')} no longer kept", "muted")]
        return []
