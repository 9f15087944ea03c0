"""An engine of a command's own, without listeners: started for the work and gone after it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from engine.settings.load import Loaded
from engine.settings.schema import Settings
from engine.thread import EngineThread


@contextmanager
def own_engine(loaded: Loaded) -> Iterator[EngineThread]:
    """Runs until the block ends; SIGTERM, SIGINT and SIGHUP end the block as KeyboardInterrupt does."""
    thread = EngineThread(_small(loaded))

    def on_signal(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        thread.start()
        yield thread
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        thread.request_stop("the command is done")
        thread.join()


def _small(loaded: Loaded) -> Loaded:
    """One prompt needs one session, no demo traffic and no recording."""
    settings = loaded.settings
    pool = settings.session_pool.model_copy(update={"min_size": 0})
    engine = settings.engine.model_copy(update={"demo": "off", "grace": 0.0})
    events = settings.events.model_copy(update={"recording": False})
    small: Settings = settings.model_copy(update={"session_pool": pool, "engine": engine, "events": events})
    return Loaded(small, loaded.origins, loaded.config)
