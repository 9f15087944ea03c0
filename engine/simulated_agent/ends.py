"""How the process ends, by its own script or by what it was started with."""

from __future__ import annotations

import os
import signal
import sys
import time

from engine.offline_model.script import Script
from engine.simulated_agent import lines
from engine.simulated_agent.flags import BadFlags, Options, is_uuid
from engine.simulated_agent.transcript import History, find_transcript, newest_session, read_history

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


def choose_session(options: Options) -> tuple[str, History]:
    """The conversation to run and what it holds. Raises BadFlags; a bad resume also gives a result line."""
    resumed = options.resume if options.resume is not None or not options.continues else newest_session()
    if resumed is None:
        session = options.session or lines.new_uuid()
        if options.session and find_transcript(session):
            raise BadFlags(f"Error: Session ID {session} is already in use.")
        return session, History()
    if resumed.lower().endswith(".jsonl"):
        return _taken_from_file(resumed)
    try:
        history = _taken_up(options, resumed)
    except BadFlags as problem:
        lines.write_line(_refusal(str(problem), resumed))
        raise
    if not options.forks:
        return resumed, history
    forked = History(history.chain, history.cost)
    forked.open_tasks = {}
    return options.session or lines.new_uuid(), forked


def _taken_from_file(path: str) -> tuple[str, History]:
    """The conversation in a file, which may be a pipe that somebody writes it into later; it goes on beside the file.

    Raises BadFlags.
    """
    try:
        history = read_history(path)
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))  # the CLI opens it twice
    except OSError as problem:
        raise BadFlags(f"Failed to resume session: {problem.strerror}") from None
    session = history.session
    if not is_uuid(session):
        raise BadFlags(f"Failed to resume session from {path}")
    history.path = f"{os.path.dirname(path)}/{session}.jsonl"  # noqa: PTH120 - pathlib costs start time
    return session, history


def _taken_up(options: Options, session: str) -> History:
    """The history to go on from. Raises BadFlags."""
    if not is_uuid(session):
        raise BadFlags(
            "Error: --resume requires a valid session ID or session title when used with --print. "
            f'Usage: claude -p --resume <session-id|title>. Provided value "{session}" is not a UUID '
            "and does not match any session title."
        )
    path = find_transcript(session)
    if path is None:
        raise BadFlags(f"No conversation found with session ID: {session}")
    history = read_history(path)
    if options.resume_at is None:
        return history
    kept = history.up_to(options.resume_at)
    if kept is None:
        raise BadFlags(f"No message found with message.uuid of: {options.resume_at}")
    dropped = history.prompt_after(options.resume_at)
    if options.drops_turn is not None and options.drops_turn != dropped:
        raise BadFlags(
            f"Resume rejected by --resume-drops-turn: the turn behind {options.resume_at} is {dropped or 'none'}, "
            f"not {options.drops_turn or 'an empty id'}."
        )
    return kept


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


def complain_of_hooks(events: list[str]) -> None:
    """Hooks of the settings that the simulator does not run, by name; nothing at all where there are none."""
    if events:
        complain(f"The simulator does not run hooks of the settings: {', '.join(sorted(set(events)))}")


def complain(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
