"""For which agent a process acts: by the sessions above it, by an engine's tag, or by who adopted it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from engine.base.processes import ENGINE_TAG, SESSION_TAG, stat_of, tags_of

_MOST_GENERATIONS = 256


def agent_behind(pid: int, sessions: Mapping[int, str], own_children: Collection[int]) -> str:
    """What makes a process an agent's, in words; nothing when it is nobody's. Reads some files of /proc.

    `sessions` are the names of all sessions by the pids of their roots, `own_children` all else that the engine itself
    launched: these, and what is below them, are the operator's although they carry the tag. Raises ProcessLookupError
    when the process is gone, OSError when it cannot be looked at.
    """
    stat = stat_of(pid)
    if stat is None:
        raise ProcessLookupError(pid)
    tagged = ""
    for _ in range(_MOST_GENERATIONS):
        here = stat.id.pid
        if here in sessions:
            return f"it belongs to session {sessions[here]}"
        if stat.parent == os.getpid() and here in own_children:
            return ""
        tagged = tagged or _tag_of(here)
        if stat.parent == os.getpid():
            return tagged or ("" if _in_our_process_session(here) else "the engine adopted it")
        above = stat_of(stat.parent) if stat.parent > 1 else None
        if above is None:
            return tagged
        stat = above
    return tagged or f"over {_MOST_GENERATIONS} processes are above it"


def _tag_of(pid: int) -> str:
    tags = tags_of(pid)
    return f"it carries the tag of session {tags.get(SESSION_TAG) or tags[ENGINE_TAG]}" if tags.get(ENGINE_TAG) else ""


def _in_our_process_session(pid: int) -> bool:
    """The engine's own helpers stay in it; agents are started in one of their own."""
    return os.getsid(pid) == os.getsid(0)
