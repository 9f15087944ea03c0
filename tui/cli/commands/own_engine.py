"""An engine of a command's own, without listeners: started for the work and gone after it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

from engine.settings.load import Loaded
from engine.settings.schema import Settings
from engine.thread import EngineThread
from tui.cli.signals import hangup

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)


@contextmanager
def own_engine(loaded: Loaded) -> Iterator[EngineThread]:
    """Runs until the block ends. A signal stops it under the block, which ends as by Ctrl-C; a second one kills."""
    thread = EngineThread(_small(loaded), interactive=sys.stdout.isatty(), owns_process=True)
    stopped: list[str] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stopped.append(signal.Signals(number).name)
        thread.request_stop(stopped[-1])

    before = {number: signal.signal(number, on_signal) for number in (*_ENDING, *hangup())}
    try:
        thread.start()
        yield thread
    except (Exception, asyncio.CancelledError):
        if not stopped:
            raise
    finally:
        if not stopped:
            thread.request_stop("the command is done")
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    if stopped:
        raise KeyboardInterrupt(stopped[0])


def _small(loaded: Loaded) -> Loaded:
    """One prompt needs one session, no demo traffic and no recording."""
    settings = loaded.settings
    pool = settings.session_pool.model_copy(update={"min_size": 0})
    engine = settings.engine.model_copy(update={"demo": "off", "grace": 0.0})
    events = settings.events.model_copy(update={"recording": False})
    small: Settings = settings.model_copy(update={"session_pool": pool, "engine": engine, "events": events})
    return replace(loaded, settings=small)
