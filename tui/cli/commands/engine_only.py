"""`quarterdeck --engine-only`: the engine headless, until a signal drains it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from tui.cli.options import Common
from tui.cli.signals import hangup

_POLL_S = 0.5


def run_engine(common: Common, log_file: Path | None = None) -> None:
    """Serve until SIGTERM, SIGINT, SIGQUIT or SIGHUP; a second signal kills. Exits 1 when a process survived.

    With `log_file` its output goes there, in files of bounded size.
    """
    from engine.api.server import Stop, serve
    from engine.engine import Engine
    from engine.log.event_log import EventLog
    from engine.log.log_file import LogFile
    from engine.thread import EngineThread
    from tui.cli.settings_source import load

    loaded = load(common)
    file = LogFile(log_file) if log_file is not None else None
    if file is not None:
        file.open()
    log = EventLog(loaded.settings.log.level, loaded.settings.log.format)
    log.open()

    async def serve_with_log(engine: Engine) -> Stop:
        engine.log = log
        if file is not None:
            engine.maintenance.add("the log file", file.rotate, essential=False)
        return await serve(engine)

    thread = EngineThread(loaded, serve_with_log, on_event=log.write, owns_process=True)

    def on_signal(number: int, _frame: FrameType | None) -> None:
        thread.request_stop(signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, *hangup()):
        signal.signal(number, on_signal)
    try:
        engine = thread.start()
        engine.live.subscribe(lambda _record: log.use(engine.settings.log.level))
        log.serving(str(engine.settings.api.socket), engine.settings.api.port, engine.settings.api.host)
        while not thread.join(_POLL_S):
            pass
    finally:
        log.close()
    sys.exit(1 if thread.survivors else 0)
