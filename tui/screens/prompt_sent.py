"""What becomes of a prompt that was sent: where it waits or runs, and the way there.

Private name of Textual used here: `Screen._forward_event`, so that a key that is passed on comes before those after it;
`tests/console/test_prompting.py` notices when it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from msgspec import UNSET
from textual import events
from textual.binding import Binding, BindingType

from engine.base.errors import QuarterdeckError
from engine.events.state import State
from engine.operations.declared.prompts import SHOW_PROMPT, PromptId
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line, fit
from tui.render.wrapping import wrap_line
from tui.screens.dialogs import Overlay
from tui.widgets.styled import LineBlock

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost


_OWN = frozenset({"enter", "P", "q", "escape"})


class PromptSent(Overlay[str]):
    """Follows one request; enter goes to its session, at once or as soon as there is one.

    Any other key closes it and does what it does on the screen below.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", show=False),
        Binding("P", "another", show=False),
        Binding("q", "leave", show=False),
    ]

    def __init__(self, request: str) -> None:
        super().__init__("SENT", [], "enter go there · P another prompt · esc stay")
        self._request = request
        self._session = ""
        self._prompt = ""
        self._end = ""
        self._goes = False
        self._asked = False
        self._is_left = False

    @property
    def console(self) -> ConsoleHost:
        """The app, with its type."""
        return cast("ConsoleHost", self.app)

    def on_mount(self) -> None:
        """Show it at once."""
        super().on_mount()
        self.paint()

    def paint(self) -> None:
        """Where it is now."""
        if not self.is_mounted or not self.query("#lines"):
            return
        state = self.console.store.live
        view = state.requests.get(self._request)
        if view is not None:
            self._session, self._prompt = view.session or self._session, view.prompt
        elif not self._asked and self.console.feed is not None:
            self._asked = True
            self.run_worker(self._look_up(), exit_on_error=False)
        if self._goes and self._session:
            self.dismiss(self._session)
            return
        width = self.query_one("#lines", LineBlock).size.width
        sent = fit(self._prompt, max(8, width - 9 - len(self._request) - 2)).rstrip()
        request: Line = [("request  ", "muted"), (f"{self._request}  ", "strong"), (sent, "muted")]
        self.rewrite([request, *wrap_line([("now      ", "muted"), (self._now(state), "")], width)])

    def on_key(self, event: events.Key) -> None:
        """It is in nobody's way: what is typed reaches the screen below, in its order."""
        if self._is_left or event.key not in _OWN:
            event.stop()
            event.prevent_default()
            if not self._is_left:
                self._is_left = True
                self.dismiss(None)
            below = self.app.screen
            (below.focused or below)._forward_event(  # noqa: SLF001 - a message would come behind the keys after it
                events.Key(event.key, event.character)
            )

    def action_go(self) -> None:
        """To the session, once there is one."""
        if self._end and not self._session:
            self.dismiss(None)
            return
        self._goes = True
        self.paint()

    def action_another(self) -> None:
        """Write another prompt for the same place."""
        self.dismiss("")

    def _now(self, state: State) -> str:
        view = state.requests.get(self._request)
        if view is not None and not view.session:
            before = sum(1 for each in state.requests.values() if not each.session and each.queued_at < view.queued_at)
            waits = f"waits, {formats.plural(before, 'request')} came before it"
            return f"{waits}; goes there once it runs" if self._goes else waits
        if view is not None:
            return f"runs in {view.session}"
        return self._end or (f"ended in {self._session}" if self._session else "on its way …")

    async def _look_up(self) -> None:
        """It is not on its way: it has ended, or is not known here yet."""
        feed = self.console.feed
        try:
            found = (await feed.send(SHOW_PROMPT, PromptId(id=self._request))).prompt if feed is not None else None
        except QuarterdeckError as error:
            self._end = clean(str(error))
        else:
            if found is not None and found.answer is not UNSET:
                self._session, self._end = found.answer.session, f"answered in {found.answer.session}"
            elif found is not None and found.error is not UNSET:
                self._end = f"ended with an error: {clean(str(found.error.get('message', '')))}"
        self.paint()
        self._asked = bool(self._end)  # of one that is on its way it is asked again with the next paint
