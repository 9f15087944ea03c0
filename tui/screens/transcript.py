"""One session's transcript as it is written, with the approval it waits for as part of the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from engine.base.errors import QuarterdeckError
from engine.events.state import SessionView
from engine.events.types import SessionState
from engine.sessions.transcripts import TranscriptEntry
from tui.actions.registry import Action, KeyScope, bindings
from tui.model.columns import Column
from tui.model.input_view import InputView
from tui.model.tables import Listing, Table, command, harmless, table_of
from tui.render import formats
from tui.render.glyphs import STATE_GLYPHS, STATE_ROLES
from tui.render.plain_text import clean
from tui.render.spans import Line, between
from tui.screens import approval_card, session_lines
from tui.screens.live_follow import LiveFollow
from tui.screens.transcript_reading import TranscriptReading
from tui.widgets.filter_row import FilterRow
from tui.widgets.prose import Prose
from tui.widgets.styled import LineBlock

BLOCKS = 9
"""Blocks of code of an entry that can be copied by themselves."""
if TYPE_CHECKING:
    from engine.operations.declared.conversations import ConversationRow
    from tui.actions.clipboard import CopyOption
    from tui.feeds.base import Feed


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


def _blocks(entry: TranscriptEntry) -> list[tuple[str, str]]:
    from tui.model.transcript_text import code_blocks

    return code_blocks(entry.text)[:BLOCKS] if entry.kind == "assistant" else []


def _block_option(number: int, language: str, text: str) -> CopyOption:
    from tui.actions.clipboard import CopyOption

    return CopyOption(str(number), f"block {number} {clean(language)}".rstrip()[:14], lambda: harmless(text))


class TranscriptScreen(LiveFollow, TranscriptReading):
    """The transcript of one session, also after it ended."""

    SCOPE = KeyScope.TRANSCRIPT
    MODE = "sessions"
    CSS_PATH = "transcript.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.TRANSCRIPT))

    def __init__(self, session: str, conversation: ConversationRow | None = None) -> None:
        super().__init__(session, conversation)
        self._problem = ""
        self._approval = approval_card.CardReading()

    @property
    def tab(self) -> str:
        """Where it was opened from."""
        return "conversations" if self.conversation is not None else self.MODE

    @property
    def crumb(self) -> str:
        """The session's id, or the conversation's where none holds it."""
        return self.session or (self.conversation.id[:8] if self.conversation is not None else "")

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
        if self.conversation is not None and not self.is_held:  # the list may be half a minute old
            self._read_in("")

    def targets(self) -> list[SessionView]:
        """This session; of one that has ended the conversation can still be gone on with."""
        return [self.row] if self.row is not None else []

    def paint_body(self) -> None:
        """The line about the session, the card, and whatever of the transcript is new."""
        self.follow_conversation()
        self.query_one("#about", LineBlock).show([self._about()])
        self._paint_card()
        self.paint_prose()
        self.paint_search()
        if self.console.feed is not None and not self.store.frozen:
            self.pull()

    def followed(self) -> SessionView | None:
        """The session of this page."""
        return self.row

    def pull(self) -> None:
        """Read what is new."""
        self.run_worker(self._pull(), group="transcript", exit_on_error=False)

    def offers(self, action: Action) -> bool:
        """What is done to a session is offered where there is one."""
        return self.is_held or not (action.acts and action.operation.startswith("sessions."))

    def action_act(self, name: str) -> None:
        """What is done to the session; a conversation that sleeps is woken by a prompt."""
        conversation, feed = self.conversation, self.console.feed
        if name == "claude" and feed is not None and self.is_roomy and not self.console.refusal:
            self.console.carry_out(self._open_in_claude(feed))
            return
        if name != "prompt" or self.row is not None or conversation is None or self.console.refusal or feed is None:
            super().action_act(name)
            return
        from tui.actions.conversation_actions import go_on

        self.console.carry_out(go_on(self.console, [conversation], feed))

    async def _open_in_claude(self, feed: Feed) -> str:
        """Open the conversation in the agent's own terminal; afterwards it is read again, from disk."""
        from engine.operations.declared.conversations import SHOW_CONVERSATION, ConversationId
        from tui.actions.terminal_actions import open_in_claude

        conversation = self.conversation_id
        if not conversation:
            return f"{self.session} holds no conversation that could be opened."
        told = await open_in_claude(self.console, conversation, feed)
        if self.is_active:
            again = (await feed.send(SHOW_CONVERSATION, ConversationId(id=conversation))).conversation
            self.console.navigation.open_conversation(again)
        return told

    def action_move(self, step: int) -> None:
        """A line up or down, of the card while it has more than it shows."""
        if self._card_scrolls:
            self._card_view.move(step)
        else:
            self.prose.move(step)
        self.paint()

    def action_page(self, pages: int) -> None:
        """A page up or down."""
        if self._card_scrolls:
            self._card_view.page(pages)
            self.paint()
        else:
            self.action_move(pages * max(1, self.prose.size.height - 1))

    def action_top(self) -> None:
        """The first line, of the card while it has more than it shows."""
        if self._card_scrolls:
            self.action_move(-(1 << 30))
        else:
            super().action_top()

    def action_bottom(self) -> None:
        """The last line, and follow from there."""
        if self._card_scrolls:
            self._card_view.to_end()
        else:
            self.prose.follow(True)
        self.paint()

    def action_pane(self) -> None:
        """Scroll the page, or the card."""
        self._approval.on_page = not self._approval.on_page
        self.paint()

    def action_export(self) -> None:
        """Edit what waits for an approval; without one, export the transcript."""
        if self.console.press_guard.permission:
            self.action_act("edit")
        else:
            super().action_export()

    def action_follow(self) -> None:
        """Follow, or stop following."""
        self.prose.follow(not self.prose.following)
        self.paint()

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
        offered[1:1] = [_block_option(number, *block) for number, block in enumerate(_blocks(entry), 1)]
        if conversation:
            offered.insert(1, clipboard.CopyOption("i", "conversation", lambda: conversation))
        clipboard.copy(self.console, table, offered)

    def action_back(self) -> None:
        """One level back: the search, then the page."""
        if self.editor.display or self.prose.searched:
            self.editor.value = ""
            self.prose.search("")
            self._edit(False)
        else:
            self.dismiss()

    def _about(self) -> Line:
        row = self.row
        if self.conversation is not None and not self.is_held and not self.store.past:
            from tui.screens import conversation_lines

            return conversation_lines.about(self.conversation, self.size.width, self.console.keys)
        if row is None:
            return [(f" {self.session} is not known to the engine any more", "muted")]
        progress = session_lines.progress(row) if row.state is SessionState.RUNNING else ""
        doing = f"  {row.prompt}" if row.prompt and (not progress or self.size.width >= 100) else ""
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

    @property
    def _card_scrolls(self) -> bool:
        return self._approval.keys_scroll_card(self.console.press_guard.permission)

    @property
    def _card_view(self) -> InputView:
        return self._approval.view(self.console.press_guard.permission)

    def _paint_card(self) -> None:
        card, state, now = self.console.card(self.session), self.store.state, self.store.now
        reading, width = self._approval, self.size.width - 2
        reading.follow(card.asked if card is not None else None, state, now)
        gone = reading.gone(now, width)
        lines: list[Line] = [[], gone] if gone is not None else [[]]
        if card is not None:
            height = self.size.height - approval_card.BESIDE_CARD - len(lines)
            lines += approval_card.card_lines(card, reading, now, width, height, self.console.keys)
            if reading.wants(card.asked.id, past=self.store.past):
                self.run_worker(self._pull_input(card.asked.id), group="approval", exit_on_error=False)
        elif self._problem:
            lines.append([(f" {self._problem}", "fail")])
        block = self.query_one("#card", LineBlock)
        block.display = len(lines) > 1
        if block.styles.height is None or block.styles.height.value != max(1, len(lines)):
            block.styles.height = max(1, len(lines))
        block.show([[(" ", ""), *line] for line in lines])

    async def _pull_input(self, permission: str) -> None:
        feed = self.console.feed
        if feed is not None and await self._approval.reader.pull(feed, self._approval.view(permission)):
            self.paint()

    async def _pull(self) -> None:
        feed = self.console.feed
        try:
            if feed is not None and await self._reader.pull(feed) and self.is_mounted:
                self.paint_prose()
            self._problem = ""
        except QuarterdeckError as error:
            self._problem = str(error)
