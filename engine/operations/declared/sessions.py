"""Sessions: list them, read a transcript, end a turn or a process."""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.paging import PageArgs
from engine.operations.operation import Operation

LONGEST_DEADLINE_S = 86_400.0
Deadline = Annotated[float, msgspec.Meta(ge=0, le=LONGEST_DEADLINE_S)]
"""Seconds that running turns get; 0 stops them at once."""
DEFAULT_DEADLINE_S = 60.0


class SessionRow(msgspec.Struct, kw_only=True):
    """One session, as a row of the grid."""

    id: str
    profile: str
    tenant: str
    backend: str
    state: str
    reason: str
    pid: int
    version: str
    conversation: str
    cwd: str
    host: str
    credential: str
    user: str
    request: str
    prompt: str
    activity: str
    turns: int
    errors: int
    last_error: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    cost: float
    cpu: float
    rss: int
    processes: int
    started_at: float
    since: float
    last_used: float
    turn_started_at: float
    last_duration: float
    start_s: float
    retry_attempt: int
    health: str
    tasks: list[str]
    own_turn: bool
    tokens_cache_written: int
    pss: int
    words: int
    writing_s: float
    rate: float
    block_tokens: int
    written: int
    model: str
    context: int
    context_window: int
    trend: list[int]
    trend_slot: int
    activity_since: float


class TranscriptEntry(msgspec.Struct, kw_only=True):
    """One line of a transcript; `index` counts from 0 within the session.

    `detail` is the whole input of a tool as JSON, `ref` the uuid of the message in the conversation's own transcript.
    """

    index: int
    at: float
    kind: str
    title: str
    text: str
    detail: str
    ref: str


class LivePart(msgspec.Struct, kw_only=True):
    """The text, thought or tool input that is being written: its `text` from character `start` on."""

    number: int
    at: float
    kind: str
    title: str
    start: int
    text: str


class TranscriptPage(msgspec.Struct, kw_only=True):
    """Entries in order; `dropped` counts how many before them are no longer kept, `next` where to go on.

    `part` is what is being written after all of them; null on a page that does not reach the end.
    """

    session: str
    entries: list[TranscriptEntry]
    dropped: int
    next: int
    part: LivePart | None


class ListSessions(PageArgs, kw_only=True, frozen=True):
    """Those that run or, with `ended`, how the last ones ended, newest first."""

    ended: bool = False


class SessionsResult(msgspec.Struct, kw_only=True):
    """A page of sessions, of `total`."""

    sessions: list[SessionRow]
    total: int


class SessionId(msgspec.Struct, kw_only=True, frozen=True):
    """One session."""

    id: str


class SessionResult(msgspec.Struct, kw_only=True):
    """One session, running or ended."""

    session: SessionRow


class ReadTranscript(msgspec.Struct, kw_only=True, frozen=True):
    """Entries of a session's transcript from index `after` on, and what is being written after them.

    With `last` it begins with that many from the end, where that is later.
    A reader that has `part_from` characters of block number `part` gets only those that follow.
    """

    id: str
    after: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 500
    last: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    part: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    part_from: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0


class TranscriptResult(msgspec.Struct, kw_only=True):
    """A page of a transcript."""

    transcript: TranscriptPage


class Interrupted(msgspec.Struct, kw_only=True):
    """Whether the session had a turn to end."""

    interrupted: bool


class StopSession(msgspec.Struct, kw_only=True, frozen=True):
    """Whether the request in a session ends with it; otherwise it runs again in another session."""

    id: str
    request: bool = True


class Stopped(msgspec.Struct, kw_only=True):
    """The session that was stopped, and the requests that ended with it."""

    stopped: str
    requests: list[str]


class Killed(msgspec.Struct, kw_only=True):
    """The session that was killed, and the requests that ended with it."""

    killed: str
    requests: list[str]


class RecycleSession(msgspec.Struct, kw_only=True, frozen=True):
    """A session that takes no new work, and the seconds that its turn gets."""

    id: str
    deadline: Deadline = DEFAULT_DEADLINE_S


class Recycled(msgspec.Struct, kw_only=True):
    """The session that was recycled."""

    recycled: str


class HibernatedConversation(msgspec.Struct, kw_only=True):
    """A conversation without a process, and the session that held it."""

    session: str
    conversation: str


class Hibernated(msgspec.Struct, kw_only=True):
    """What was hibernated."""

    hibernated: HibernatedConversation


LIST_SESSIONS = Operation(
    "sessions.list",
    "GET /api/sessions",
    ListSessions,
    SessionsResult,
    "List the sessions.",
    columns=("id", "state", "profile", "user", "turns", "activity", "conversation", "cwd"),
    examples=("quarterdeck sessions list --ended",),
)
SHOW_SESSION = Operation(
    "sessions.show",
    "GET /api/sessions/{id}",
    SessionId,
    SessionResult,
    "Show one session with all its fields.",
    examples=("quarterdeck sessions show k7f003",),
)
READ_TRANSCRIPT = Operation(
    "sessions.transcript",
    "GET /api/sessions/{id}/transcript",
    ReadTranscript,
    TranscriptResult,
    "Show the transcript of a session.",
    columns=("index", "kind", "title", "text"),
    examples=("quarterdeck sessions transcript k7f003 --limit 20",),
)
INTERRUPT_SESSION = Operation(
    "sessions.interrupt",
    "POST /api/sessions/{id}/interrupt",
    SessionId,
    Interrupted,
    "End the turns of these sessions; the sessions stay.",
    Scope.OPERATOR,
    examples=("quarterdeck sessions interrupt k7f003",),
)
STOP_SESSION = Operation(
    "sessions.stop",
    "POST /api/sessions/{id}/stop",
    StopSession,
    Stopped,
    "Stop these sessions in steps: interrupt, end of input, SIGTERM, SIGKILL.",
    Scope.OPERATOR,
    examples=("quarterdeck sessions stop k7f003",),
)
KILL_SESSION = Operation(
    "sessions.kill",
    "POST /api/sessions/{id}/kill",
    StopSession,
    Killed,
    "Kill the process trees of these sessions at once.",
    Scope.OPERATOR,
    examples=("quarterdeck sessions kill k7f003",),
)
RECYCLE_SESSION = Operation(
    "sessions.recycle",
    "POST /api/sessions/{id}/recycle",
    RecycleSession,
    Recycled,
    "Give these sessions no new work and stop them at the end of their turn.",
    Scope.OPERATOR,
    duration="deadline",
    examples=("quarterdeck sessions recycle k7f003 --deadline 30",),
)
HIBERNATE_SESSION = Operation(
    "sessions.hibernate",
    "POST /api/sessions/{id}/hibernate",
    SessionId,
    Hibernated,
    "End the processes of idle sessions; their conversations are resumed on demand.",
    Scope.OPERATOR,
    examples=("quarterdeck sessions hibernate k7f003",),
)
