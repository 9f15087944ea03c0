"""A parked agent: the wait until it is at its gate, and the resumption of a conversation there, with its guard."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.base.clock import Clock
from engine.base.errors import DeadlinePassed, SessionLost, StartFailed
from engine.base.gate import open_gate, settle_gate
from engine.launchers.base import Child, Launcher
from engine.sessions.outcome import how_exited
from engine.sessions.replies import Started, resumed_conversation, started
from engine.sessions.workplace import Control

_LOOK_S = 0.05
_UNSEEN_S = 3.0
"""Seconds after which an agent counts as parked where the kernel does not show it."""


async def at_gate(launcher: Launcher, child: Child, clock: Clock, timeout: float) -> None:
    """Wait until the agent has started as far as its gate. Raises StartFailed."""
    began = clock.monotonic()
    while not child.exited.done():
        waits, waited = launcher.waits_for_writer(child), clock.monotonic() - began
        if waits or (waits is None and waited >= _UNSEEN_S):
            return
        if waited >= timeout:
            raise StartFailed(f"The agent did not park within {timeout:g} s of its start.")
        await asyncio.sleep(_LOOK_S)
    raise StartFailed(exit_text(child))


async def resume_at_gate(gate: Path, transcript: Path, conversation: str, control: Control, timeout: float) -> Started:
    """Open the gate, and check before any prompt that the agent is in this conversation. Raises StartFailed."""
    try:
        await asyncio.to_thread(open_gate, gate, transcript, timeout)
        asked = control("initialize", timeout, hooks=None), control("get_status", timeout)
        initialized, status = await asyncio.gather(*asked)
    except (DeadlinePassed, SessionLost, OSError) as error:
        raise StartFailed(f"The parked agent did not take the conversation up: {error}") from error
    finally:
        await asyncio.to_thread(settle_gate, gate)
    if (found := resumed_conversation(status)) != conversation:
        raise StartFailed(f"The parked agent took up conversation {found or 'unknown'} instead of {conversation}.")
    return started(initialized)


def exit_text(child: Child | None) -> str:
    """How an agent ended, with its last line of standard error."""
    if child is None:
        return "never started"
    code = child.exited.result() if child.exited.done() else None
    said = child.stderr_tail.strip().splitlines()
    return f"The agent ended ({how_exited(code)}): {said[-1] if said else 'it said nothing'}"
