"""Which signals end a command."""

from __future__ import annotations

import signal


def hangup() -> tuple[signal.Signals, ...]:
    """SIGHUP, a lost line, unless it is ignored already, as by `nohup`: then it stays so."""
    return () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
