"""Keys that come in a burst: what follows the key that opens a line to type in is typed there, and answers no question.

Private name of Textual used here: `Widget._forward_event`, so that a key that is passed on comes before those after it.
"""

from __future__ import annotations

from textual import events
from textual.app import App
from textual.widgets import Input

from tui.model.own_cost import OwnCost


class TypedAhead(App[None]):
    """An app whose lines to type in get the characters that were sent before they had the keyboard."""

    own_cost: OwnCost

    async def on_event(self, event: events.Event) -> None:
        """Such a line keeps each character for itself: one that comes past it was aimed at what had the keyboard."""
        if isinstance(event, events.Key):
            self.own_cost.key()
            if self._is_early(event):
                return
        if isinstance(event, events.Key) and event.is_forwarded and event.is_printable:
            line = self.focused
            if isinstance(line, Input):
                line._forward_event(events.Key(event.key, event.character))  # noqa: SLF001 - see above
                return
        await super().on_event(event)

    def _is_early(self, event: events.Key) -> bool:
        """Whether it was typed before the question in sight was drawn, so that it cannot be its answer; esc may be."""
        return event.key != "escape" and event.time < getattr(self.screen, "shown_at", 0.0)
