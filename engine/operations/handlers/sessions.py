"""Sessions: reading them, and ending their turns and processes."""

from __future__ import annotations

from engine.base.errors import BadInput, ConversationHeld, NotFound
from engine.events.state import SessionView
from engine.operations.declared.sessions import (
    HIBERNATE_SESSION,
    INTERRUPT_SESSION,
    KILL_SESSION,
    LIST_SESSIONS,
    READ_TRANSCRIPT,
    RECYCLE_SESSION,
    SHOW_SESSION,
    STOP_SESSION,
    Hibernated,
    HibernatedConversation,
    Interrupted,
    Killed,
    ListSessions,
    ReadTranscript,
    Recycled,
    RecycleSession,
    SessionId,
    SessionResult,
    SessionRow,
    SessionsResult,
    Stopped,
    StopSession,
    TranscriptPage,
    TranscriptResult,
)
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as, rows_as
from engine.operations.handlers.services import Services


@handles(LIST_SESSIONS)
async def list_sessions(services: Services, _call: CallContext, args: ListSessions) -> SessionsResult:
    """Those that run, or how the last ones ended, newest first."""
    state = services.state
    rows = state.ended[::-1] if args.ended else list(state.sessions.values())
    return SessionsResult(sessions=rows_as(SessionRow, page_of(args, rows)), total=len(rows))


@handles(SHOW_SESSION)
async def show(services: Services, _call: CallContext, args: SessionId) -> SessionResult:
    """One session, also one that has ended lately. Raises NotFound."""
    return SessionResult(session=row_as(SessionRow, _view(services, args.id)))


@handles(READ_TRANSCRIPT)
async def transcript(services: Services, _call: CallContext, args: ReadTranscript) -> TranscriptResult:
    """Entries of a transcript. Raises NotFound."""
    page = services.transcripts.page(
        args.id, args.after, args.limit, last=args.last, part=args.part, part_from=args.part_from
    )
    if not page.next:
        _view(services, args.id)
    services.pool.look_at(args.id)
    return TranscriptResult(transcript=row_as(TranscriptPage, page))


@handles(INTERRUPT_SESSION)
async def interrupt(services: Services, call: CallContext, args: SessionId) -> Interrupted:
    """End a session's turn, and the request with it. Raises NotFound."""
    return Interrupted(interrupted=services.dispatcher.interrupt(services.pool.session(args.id), call.who))


@handles(STOP_SESSION)
async def stop(services: Services, call: CallContext, args: StopSession) -> Stopped:
    """Interrupt, end of input, SIGTERM, at last SIGKILL. Raises NotFound."""
    return Stopped(stopped=args.id, requests=await _end(services, call, args, kill=False))


@handles(KILL_SESSION)
async def kill(services: Services, call: CallContext, args: StopSession) -> Killed:
    """SIGKILL of the tree. Raises NotFound."""
    return Killed(killed=args.id, requests=await _end(services, call, args, kill=True))


@handles(RECYCLE_SESSION)
async def recycle(services: Services, call: CallContext, args: RecycleSession) -> Recycled:
    """No new work; the session ends with its turn, or at the deadline. Raises NotFound."""
    await services.pool.drain_session(args.id, f"recycled by {call.who}", args.deadline)
    return Recycled(recycled=args.id)


@handles(HIBERNATE_SESSION)
async def hibernate(services: Services, call: CallContext, args: SessionId) -> Hibernated:
    """End an idle session's process; its conversation has none until it is resumed.

    Raises NotFound, ConversationHeld while a turn runs, BadInput for a session that holds no conversation.
    """
    pool, name = services.pool, args.id
    found, entry = pool.session(name), pool.index.get(name)
    if pool.leased(name):
        remedy = f"Wait for its end, or `quarterdeck sessions interrupt {name}`."
        raise ConversationHeld(f"Session {name} runs a turn.", retryable=True, remedy=remedy)
    if entry is None or not entry.conversation:
        remedy = f"`quarterdeck sessions stop {name}` ends it."
        raise BadInput(f"Session {name} holds no conversation to hibernate.", field="id", remedy=remedy)
    await pool.drain_session(name, f"hibernated by {call.who}", 0.0)
    return Hibernated(hibernated=HibernatedConversation(session=name, conversation=found.conversation))


async def _end(services: Services, call: CallContext, args: StopSession, *, kill: bool) -> list[str]:
    """End a session and, where that was asked for, its request; otherwise that runs again in another session."""
    services.pool.session(args.id)
    ended = services.dispatcher.cancel_of(args.id, call.who) if args.request else []
    await services.pool.stop_session(args.id, f"{'killed' if kill else 'stopped'} by {call.who}", kill=kill)
    return ended


def _view(services: Services, name: str) -> SessionView:
    state = services.state
    found = state.sessions.get(name) or next((row for row in state.ended if row.id == name), None)
    if found is None:
        raise NotFound(f"There is no session {name}.", field="id", remedy="GET /api/sessions lists them.")
    return found
