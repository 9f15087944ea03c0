"""`quarterdeck web`: the console in a browser, on loopback, behind a token."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.base.process import python_module
from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json
from tui.cli.signals import hangup

if TYPE_CHECKING:
    from engine.settings.load import Loaded
    from engine.thread import EngineThread
    from tui.web.server import WebConsole

_FAILED_START_S = 1.0
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)


@click.command("web", epilog="Example: quarterdeck web --read-only --port 8321")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one.")
@common_options
def command(common: Common, port: int) -> None:
    """Serve the console to a browser on this machine, until Ctrl-C.

    It shows the engine that runs already, or else one of its own. The address that is printed holds the token that
    lets a browser in: whoever has it acts as you. From another machine: ssh -L 8321:127.0.0.1:8321 HOST.
    """
    from tui.cli.settings_source import load
    from tui.web.server import WebConsole, browser_terminal

    statics = browser_terminal()
    loaded = load(common)
    with _engine(loaded) as own:
        argv = _console_argv(common, loaded.settings.api.socket)
        web = WebConsole(argv, dict(os.environ), statics, port)
        asyncio.run(_serve(web, own=own is not None, as_json=common.json))
    if own is not None and own.survivors:
        sys.exit(1)


async def _serve(web: WebConsole, *, own: bool, as_json: bool) -> None:
    stop = asyncio.Event()
    for number in (*_ENDING, *hangup()):
        # uvicorn replaces and restores the handlers of two of them; the loop's own hear them all the same.
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    web.start()
    try:
        if as_json:
            print_json({"url": web.url, "engine": "own" if own else "running"})
        else:
            echo(web.url)
            which = "an engine of its own" if own else "the running engine"
            echo(f"The console on {which}, for a browser on this machine; until Ctrl-C.", err=True)
        await stop.wait()
    finally:
        await web.stop()


@contextmanager
def _engine(loaded: Loaded) -> Iterator[EngineThread | None]:
    """The running engine, which is nothing here, or one of our own for as long as the block runs.

    It owns the process; the tabs, which it did not start, are spared since they stay in its kernel session.
    """
    from tui.cli.commands.console import alive, drain

    if alive(loaded.settings.api.socket):
        yield None
        return
    from engine.api.server import serve
    from engine.thread import EngineThread

    thread, started = EngineThread(loaded, serve, interactive=True, owns_process=True), False
    try:
        thread.start()
        started = True
        yield thread
    finally:
        if started or not thread.join(_FAILED_START_S):
            drain(thread, "the console in the browser was ended")


def _console_argv(common: Common, socket: Path) -> list[str]:
    argv = [*python_module("tui.cli"), "attach", f"unix:{socket}"]
    argv += ["--config", str(common.config)] if common.config is not None else []
    argv += ["--env-file", str(common.env_file)] if common.env_file is not None else []
    argv += [word for override in common.overrides for word in ("--set", override)]
    return [*argv, "--read-only"] if common.read_only else argv
