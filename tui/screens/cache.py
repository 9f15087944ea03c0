"""The Cache screen: what the caches save, and what the sessions take in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from engine.events.state import SessionView
from tui.actions.registry import KeyScope, bindings
from tui.render.spans import Line
from tui.screens import cache_lines as draw
from tui.screens.list_screen import ListScreen

if TYPE_CHECKING:
    from tui.feeds.base import Feed


class CacheScreen(ListScreen[SessionView]):
    """The cursor is a session."""

    SCOPE = KeyScope.CACHE
    MODE = "cache"
    CSS_PATH = "list_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.CACHE))

    def __init__(self) -> None:
        super().__init__(draw.MEMORY)

    def items(self) -> Sequence[SessionView]:
        """The sessions."""
        return list(self.store.state.sessions.values())

    def draw(self, width: int, height: int) -> list[Line]:
        """What is saved, then who takes most."""
        state, now = self.store.state, self.store.now
        lines = [*draw.prompt_cache(state, width), *draw.levels(state, width), [], *draw.memory(state, width)]
        back = self.console.keys.shown("cache.back")
        return lines + draw.table(self.shown, now, width, max(2, height - len(lines)), back)

    def action_open(self) -> None:
        """The transcript of the session under the cursor."""
        if self.shown.row is not None:
            self.console.navigation.open_transcript(self.cursor)
        else:
            self.console.notify("There is no session under the cursor.")

    def act_on(self, name: str, rows: Sequence[SessionView]) -> None:  # noqa: ARG002 - there is one act, on no row
        """Delete the cached answers, after a confirmation."""
        if (feed := self.live_feed()) is not None:
            self.do(self._clear(feed))

    async def _clear(self, feed: Feed) -> str | None:
        from engine.operations.declared.cache import CLEAR_CACHE, ClearCache

        kept = sum(each.entries for each in self.store.state.cache)
        facts: list[Line] = [
            [("kept          ", "muted"), (f"{kept} answers on all levels", "strong")],
            [("what happens  ", "muted"), ("requests that they would answer run again", "")],
            [("same as       ", "muted"), ("quarterdeck cache clear", "")],
        ]
        if not await self.console.dialogs.confirm("DELETE CACHED ANSWERS", facts, "delete them", "keep them"):
            return None
        done = await feed.send(CLEAR_CACHE, ClearCache())
        return f"Deleted {done.deleted} cached answers."
