"""The console: on the engine that runs already, else on one in this process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from engine.base.errors import BadInput, QuarterdeckError
from tui.cli.options import Common
from tui.cli.settings_source import warn_of_env_files
from tui.cli.signals import hangup
from tui.console import gc_pause
from tui.terminal.output import announce

if TYPE_CHECKING:
    from engine.settings.load import Loaded
    from engine.settings.schema import Settings
    from engine.thread import EngineThread
    from tui.console.app import Console
    from tui.feeds.base import Feed

EXPORTS = "exports"
"""Folder of the state directory that views are exported to."""
_POLL_S = 0.2
_STAYS = "This engine ends when the line is lost. `quarterdeck up` starts one that stays."
_HINT_S = 12.0


def open_console(common: Common, where: str | None = None, *, attach: bool = False) -> None:
    """Open it; `attach` never starts an engine. Raises BadInput, or what kept it from connecting."""
    _need_terminal()
    warn_of_env_files(common)
    connection = _Connection(common, where, attach=attach)
    leaving: Leaving | None = None
    try:
        with gc_pause.at_rest():
            from tui.console.app import Console

            console = Console(None, connect=connection.connect, read_only=common.read_only)
            connection.console = console
            console.directory.expect()
            leaving = Leaving(console)
            console.run()
    finally:
        survivors = connection.close(at_once=leaving is not None and leaving.hurried)
    if connection.refused is not None:
        raise connection.refused
    if console.return_code or survivors:
        sys.exit(console.return_code or 1)


def open_feed(common: Common, feed: Feed) -> None:
    """Open it on this feed, with the settings of the console."""
    _need_terminal()
    warn_of_env_files(common)
    from tui.console.app import Console

    settings = _settings(common).settings
    mine = settings.console
    console = Console(
        feed,
        theme=mine.theme,
        refresh_hz=mine.refresh_hz,
        glyphs=mine.glyphs,
        title=mine.title,
        read_only=common.read_only,
    )
    console.state_dir = settings.engine.state_dir
    console.directory.expect(mine.screens)
    console.exports = settings.engine.state_dir / EXPORTS
    console.templates = mine.templates or console.templates
    Leaving(console)
    console.run()
    if console.return_code:
        sys.exit(console.return_code)


class _Connection:
    """Finds or starts the engine after the first paint, and drains the one it started."""

    def __init__(self, common: Common, where: str | None, *, attach: bool) -> None:
        self._common = common
        self._where = where
        self._attach = attach
        self._thread: EngineThread | None = None
        self.console: Console | None = None
        self.refused: QuarterdeckError | None = None

    async def connect(self) -> Feed:
        """The feed of the engine; wrong settings end the console, and are printed after it."""
        try:
            return await self._find_or_start()
        except BadInput as error:
            self.refused = error
            if self.console is not None:
                self.console.exit()
            raise

    def close(self, *, at_once: bool = False) -> int:
        """Drain the engine of this process, stating how it goes; a second signal kills. Returns its survivors."""
        if self._thread is None:
            return 0
        return drain(self._thread, "the console was left", at_once=at_once)

    async def _find_or_start(self) -> Feed:
        loaded = await asyncio.to_thread(_settings, self._common)
        self._apply_settings(loaded.settings)
        if self._where:
            return await self._remote(self._where, None)
        socket = loaded.settings.api.socket
        if self.console is not None:
            self.console.state_dir = loaded.settings.engine.state_dir
            mine = loaded.settings.console.screens
            self.console.run_worker(self.console.directory.look(mine), group="screens")
        if self.console is not None and loaded.settings.events.recording:
            self.console.time_travel.recordings = loaded.settings.recordings
        if self._attach or await asyncio.to_thread(alive, socket):
            return await self._remote(None, socket)
        from engine.api.server import serve
        from engine.thread import EngineThread
        from tui.feeds.in_process import InProcessFeed

        # Known before it starts: a console that is left meanwhile must drain it all the same.
        self._thread = thread = EngineThread(loaded, serve, interactive=True, owns_process=True)
        await asyncio.to_thread(thread.start)
        if self.console is not None:
            self.console.owns_engine = True
            if os.environ.get("SSH_CONNECTION"):
                self.console.notify(_STAYS, timeout=_HINT_S)
        return InProcessFeed(thread)

    async def _remote(self, where: str | None, socket: Path | None) -> Feed:
        from engine.operations.declared.config import SHOW_SETTINGS
        from engine.operations.operation import NoArguments
        from tui.feeds.client import address_of
        from tui.feeds.remote import RemoteFeed

        feed = RemoteFeed(address_of(where, socket))
        with contextlib.suppress(QuarterdeckError):  # an engine that is not there yet is the feed's affair
            theirs = (await feed.send(SHOW_SETTINGS, NoArguments())).config
            if self.console is not None:
                self.console.theming.apply_settings({"title": theirs["console.title"]})
        return feed

    def _apply_settings(self, settings: Settings) -> None:
        if self.console is None:
            return
        from tui.console.appearance import SETTINGS

        mine = settings.console
        self.console.exports = settings.engine.state_dir / EXPORTS
        self.console.templates = mine.templates or self.console.templates
        self.console.theming.apply_settings({name: getattr(mine, name) for name in SETTINGS})
        self.console.notices.apply_settings({"bell": mine.bell, "desktop_notices": mine.desktop_notices})
        if settings.engine.read_only:
            self.console.lock_read_only()


def drain(thread: EngineThread, reason: str, *, at_once: bool = False) -> int:
    """Drain an engine of this process, stating how it goes; a second signal, or `at_once`, kills.

    Returns the number of processes that would not end. One that has stopped is left.
    """

    def on_signal(number: int, _frame: FrameType | None) -> None:
        thread.request_stop(signal.Signals(number).name)

    if not thread.join(0):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, *hangup()):
            signal.signal(number, on_signal)
        thread.request_stop(reason)
        if at_once:
            thread.request_stop(reason)
        announce("quarterdeck: draining; Ctrl-C to stop at once")
        while not thread.join(_POLL_S):
            pass
    if thread.survivors:
        announce(f"quarterdeck: {thread.survivors} processes would not end; run `quarterdeck doctor`")
    return thread.survivors


def _settings(common: Common) -> Loaded:
    from tui.cli.settings_source import load

    return load(common, warn=False)  # the terminal is the console's by then


def alive(socket: Path) -> bool:
    """Whether an engine answers on this socket."""
    if not socket.exists():
        return False
    from tui.feeds.client import EngineClient, address_of

    with EngineClient(address_of(None, socket)) as client:
        return client.alive()


class Leaving:
    """Owner of the signals while the console runs: one leaves, which restores the terminal and drains; two hurry."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._signals = 0
        for number in (signal.SIGTERM, *hangup()):
            signal.signal(number, self._on_signal)

    @property
    def hurried(self) -> bool:
        """Whether a second signal came."""
        return self._signals > 1

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._console.call_later(self._console.exit)


def _need_terminal() -> None:
    if os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver"):  # the terminal is a page
        return
    if not os.isatty(0):
        lacking = "standard input is none"
    elif not (os.isatty(1) or os.isatty(2)):
        lacking = "neither standard output nor standard error is one"
    elif os.environ.get("TERM") == "dumb":
        lacking = "TERM=dumb states that this one shows lines only"
    else:
        return
    raise BadInput(
        f"The console needs a terminal: {lacking}.",
        remedy="Use `quarterdeck --engine-only` to run headless, or `ssh -t` to get a terminal.",
    )
