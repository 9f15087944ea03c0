"""How the process ends, by its own script or by what it was started with."""

from __future__ import annotations

import os
import signal
import sys
import time

from engine.backends.simulated_agent import lines
from engine.backends.simulated_agent.flags import BadFlags, Options, is_uuid
from engine.backends.simulated_agent.transcript import find_transcript
from engine.offline.script import Script

_LOOK_EVERY_S = 1.0


def misbehave(script: Script) -> None:
    """Crash, leave or hang, as the script says."""
    if script.exit_code is not None:
        os._exit(script.exit_code)
    if script.crash:
        _crash()
    _hang()


def _crash() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGABRT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGABRT)


def _hang() -> None:
    """Like an event loop that is stuck: deaf to stdin and to SIGTERM, but never longer than the parent lives."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)


def choose_session(options: Options) -> str:
    """The conversation to run. Raises BadFlags; an unknown one to resume also gives a result line, as in the CLI."""
    if options.resume is None:
        session = options.session or lines.new_uuid()
        if options.session and find_transcript(session):
            raise BadFlags(f"Error: Session ID {session} is already in use.")
        return session
    problem = _unknown(options.resume)
    if problem:
        lines.write_line(_refusal(problem, options.resume))
        raise BadFlags(problem)
    return options.resume


def _unknown(session: str) -> str | None:
    if not is_uuid(session):
        return (
            "Error: --resume requires a valid session ID or session title when used with --print. "
            f'Usage: claude -p --resume <session-id|title>. Provided value "{session}" is not a UUID '
            "and does not match any session title."
        )
    return None if find_transcript(session) else f"No conversation found with session ID: {session}"


def _refusal(problem: str, session: str) -> lines.Line:
    return {
        "type": "result",
        "subtype": "error_during_execution",
        "is_error": True,
        "duration_ms": 0,
        "duration_api_ms": 0,
        "num_turns": 0,
        "stop_reason": None,
        "session_id": session if is_uuid(session) else lines.new_uuid(),
        "total_cost_usd": 0,
        "usage": lines.Tokens().usage(),
        "modelUsage": {},
        "permission_denials": [],
        "uuid": lines.new_uuid(),
        "errors": [problem],
        "result_index": 0,
    }


def complain(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
