"""What is said of a session from its start to its end."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engine.events.types.base import Event


class SessionState(StrEnum):
    """What a session is doing; each has a glyph of its own in the console."""

    STARTING = "starting"
    PARKED = "parked"
    IDLE = "idle"
    RUNNING = "running"
    APPROVAL = "approval"
    RETRYING = "retrying"
    BACKGROUND = "background"
    STOPPING = "stopping"
    FAILED = "failed"
    ENDED = "ended"


class SessionStarting(Event, frozen=True):
    """A process for a session is being started."""

    session: str
    profile: str
    tenant: str
    backend: str
    conversation: str = ""
    cwd: str = ""
    host: str = ""
    credential: str = ""


class SessionReady(Event, frozen=True):
    """The process answered `initialize` after `start_s` seconds."""

    session: str
    pid: int
    version: str
    start_s: float


class SessionChanged(Event, frozen=True):
    """The session moved to another state."""

    session: str
    state: SessionState
    reason: str = ""


class SessionBound(Event, frozen=True):
    """The session now holds this conversation and works in `cwd`; an empty one means that it was cleared."""

    session: str
    conversation: str
    user: str = ""
    cwd: str = ""


class ContextMeasured(Event, frozen=True):
    """What a fresh session's context takes before its first turn, in tokens of its window."""

    session: str
    context: int
    context_window: int


class BackgroundChanged(Event, frozen=True):
    """What the agent does beside our turns: its background tasks, and whether a turn runs that it began by itself."""

    session: str
    tasks: list[str]
    own_turn: bool = False


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """Resources of a session's whole process tree: CPU in percent of a core, memory in bytes.

    `rss` counts a page that processes share once for each, `pss` divides it; 0 as long as it was not sampled.
    """

    session: str
    cpu: float
    rss: int
    processes: int = 1
    pss: int = 0


class SessionReadings(Event, frozen=True):
    """One sample over all sessions."""

    readings: list[Reading]
    engine_cpu: float = 0.0
    engine_rss: int = 0


class SessionJudged(Event, frozen=True):
    """A health check or a limit found something; `acted` is what was done, empty when it was only observed."""

    session: str
    condition: str
    reason: str
    acted: str = ""


class SessionEnded(Event, frozen=True):
    """The session's process tree is gone; `how` is the last step of the shutdown sequence that was needed."""

    session: str
    how: str
    exit_code: int | None = None
    survivors: int = 0
    error: str = ""


class ConversationRewound(Event, frozen=True):
    """A conversation went back to before the prompt `message`; `prompts` are left."""

    session: str
    conversation: str
    message: str
    prompts: int
    by: str


class ProtocolFault(Event, frozen=True):
    """A session wrote a line that is not of the protocol; the session goes on."""

    session: str
    reason: str
    excerpt: str = ""
