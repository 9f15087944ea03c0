"""Watches the engine's stores: reports once when one cannot be used, and once when it can again."""

from __future__ import annotations

from collections.abc import Sequence

from engine.events.bus import Bus
from engine.events.types import Notice, Severity
from engine.store.sqlite import StoreFile


class StoreWatch:
    """Owner of what was reported of each store."""

    def __init__(self, files: Sequence[StoreFile], bus: Bus) -> None:
        self._files = files
        self._bus = bus
        self._reported: set[str] = set()

    def check(self) -> None:
        """Check every file, once a second. Raises OSError when one of them cannot be seen, after the others."""
        unseen: OSError | None = None
        for file in self._files:
            if file.failure and file.what not in self._reported:  # the check itself may end it
                self._stopped(file)
            try:
                file.check()
            except OSError as error:
                unseen = error
            self._report(file)
        if unseen is not None:
            raise unseen

    def reasons(self) -> list[str]:
        """Which stores cannot be used, and why; empty when all can."""
        return [file.failure for file in self._files if file.failure]

    def _report(self, file: StoreFile) -> None:
        while file.notices:
            remedy = "Look at what is beside it; nothing need be done for the engine to go on."
            self._bus.publish(Notice(severity=Severity.WARNING, text=file.notices.pop(0), remedy=remedy))
        if file.failure and file.what not in self._reported:
            self._stopped(file)
        elif not file.failure and file.what in self._reported:
            self._reported.discard(file.what)
            self._bus.publish(Notice(severity=Severity.INFO, text=f"the {file.what} can be used again"))

    def _stopped(self, file: StoreFile) -> None:
        self._reported.add(file.what)
        remedy = f"Free disk space, or check {file.path}; it is used again as soon as it can be."
        self._bus.publish(Notice(severity=Severity.CRITICAL, text=file.failure, remedy=remedy))
