"""The smallest Textual app, one word on the screen: the benchmark compares the console's first frame with its own."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class SmallestApp(App[None]):
    """Shows the word that the benchmark waits for."""

    def compose(self) -> ComposeResult:
        """One word."""
        yield Static("Overview")


if __name__ == "__main__":
    SmallestApp().run()
