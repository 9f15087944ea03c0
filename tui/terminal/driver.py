"""Textual's driver for terminals that go away, stop reading, or send what no key sends."""

from __future__ import annotations

import os
import select
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tui.terminal.bracketed_paste import BracketedPastes, Pasted
from tui.terminal.output import TerminalOutput
from tui.terminal.replies import HOLD_S, Replies

if TYPE_CHECKING:
    from textual.app import App

RESTORE_S = 1.0
"""Time that a terminal has to take what was drawn, and once more to take what restores it."""
_ROUND_S = 0.1
_READ = 64 * 1024


def drawn_on() -> int:
    """The descriptor that the console draws on: standard output, or standard error where that is no terminal."""
    return 1 if os.isatty(1) else 2


class _Typed:
    """Owner of what was read and is no event yet: pastes in one piece, replies dropped, the rest read by Textual."""

    def __init__(self, debug: bool) -> None:
        self._pastes, self._replies, self._parser = BracketedPastes(), Replies(), XTermParser(debug)

    @property
    def wait(self) -> float:
        """Seconds after which `idle` is due."""
        if self._pastes.holds:
            return HOLD_S
        wait = self._replies.wait
        return wait if wait is not None else _ROUND_S

    def feed(self, text: str) -> Iterator[Message]:
        """What more text from the terminal means."""
        for part in self._pastes.feed(text):
            if isinstance(part, Pasted):
                yield from self._parsed(self._replies.idle())
                yield events.Paste(part.text)
            else:
                yield from self._parsed(self._replies.feed(part))

    def idle(self) -> Iterator[Message]:
        """Nothing more came for a moment."""
        held = self._pastes.idle()
        return self._parsed(self._replies.feed(held) if held else self._replies.idle())

    def _parsed(self, typed: str) -> Iterator[Message]:
        if typed:
            yield from self._parser.feed(typed)
        yield from self._parser.tick()


class TerminalDriver(LinuxDriver):
    """Ends the console when its terminal ends, and never waits for one that does not read.

    The app has `terminal_lost(reason)` and `repaint()`, which are called on its loop.
    """

    def __init__(
        self, app: App[object], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._output: TerminalOutput | None = None
        self._restoring: list[str] | None = None
        self.written = 0
        """Bytes that were queued for the terminal."""

    def write(self, data: str) -> None:
        """Queue for the terminal; ignored when it is gone."""
        if self._restoring is not None:
            self._restoring.append(data)
        elif self._output is not None:
            self.written += len(data.encode("utf-8", "replace"))
            self._output.write(data)

    def start_application_mode(self) -> None:
        """Take the terminal over."""
        if not os.isatty(drawn_on()):  # gone by the time of SIGCONT, which the kernel sends behind SIGHUP
            self._on_lost("it is gone")
            return
        try:
            self._output = TerminalOutput(drawn_on(), self._on_gap, self._on_lost)
        except OSError as error:
            self._on_lost(error.strerror or "it cannot be opened")
            return
        self._output.start()
        take = getattr(self._app, "take_terminal", None)
        if take is not None:
            take(self.write)
        super().start_application_mode()  # type: ignore[no-untyped-call]
        idle, self._writer_thread = self._writer_thread, None  # it writes without a bound: ours stands in for it
        if idle is not None:
            idle.stop()

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was, within two seconds even if it does not read."""
        self._restoring = []
        super().stop_application_mode()
        last, self._restoring = "".join(self._restoring), None
        output, self._output = self._output, None
        if output is not None:
            output.finish(last, RESTORE_S)

    def run_input_thread(self) -> None:
        """Read keys until the console ends, or its terminal does."""
        typed = _Typed(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        while not self.exit_event.is_set():
            data = b""
            if is_ready := bool(poll.poll(1000 * typed.wait)):
                try:
                    data = os.read(self.fileno, _READ)
                except OSError as error:
                    self._on_lost(error.strerror or "it cannot be read")
                    return
                if not data:
                    self._on_lost("end of file")
                    return
            for event in typed.feed(decode(data)) if is_ready else typed.idle():
                self.process_message(event)

    def _get_terminal_size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(drawn_on())
        except OSError:
            return super()._get_terminal_size()
        return (size.columns or 80, size.lines or 25)

    def _on_lost(self, reason: str) -> None:
        self._tell("terminal_lost", reason)

    def _on_gap(self) -> None:
        self._tell("repaint")

    def _tell(self, method: str, *arguments: str) -> None:
        loop = self._loop
        if not loop.is_closed():
            loop.call_soon_threadsafe(getattr(self._app, method), *arguments)
