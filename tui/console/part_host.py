"""What a part of the console may ask of the app that holds it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from tui.actions.host import ConsoleHost


class PartHost(ConsoleHost, Protocol):
    """The console as its parts see it."""

    def tick(self) -> None:
        """Take in what the feed brought, then paint."""

    def paint(self) -> None:
        """Paint the screen that is in sight."""

    def run_worker(
        self,
        work: Coroutine[Any, Any, Any],
        *,
        group: str = "default",
        exit_on_error: bool = True,
        exclusive: bool = False,
    ) -> object:
        """Run this beside the console, until it ends or the console does."""
