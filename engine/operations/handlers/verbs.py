"""What an agent is asked beside its turns, and what is done to a running one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice

from engine.base.errors import BadInput, ConversationAsleep, NotFound, SessionBusy
from engine.events.types import ConversationRewound
from engine.operations.declared.sessions import SessionId
from engine.operations.declared.verbs import (
    ADD_NOTE,
    EXPORT_CONVERSATION,
    REWIND_SESSION,
    SIDE_QUESTION,
    STEER_SESSION,
    WORKSPACE_DIFF,
    AddedNote,
    AddedNoteResult,
    AddNote,
    ChangedFile,
    ExportedConversation,
    ExportResult,
    Rewind,
    RewoundConversation,
    RewoundResult,
    SideAnswer,
    SideAnswerResult,
    SideQuestion,
    Steer,
    SteeredResult,
    SteeredTurn,
    WorkspaceDiff,
    WorkspaceDiffResult,
)
from engine.operations.handlers.binding import CallContext, handles, rows_as
from engine.operations.handlers.services import Services
from engine.sessions import verbs
from engine.sessions.prompts import KeptPrompt, prompts_in
from engine.sessions.session import Session

MOST_FILES = 5000
"""Files of a diff that are named; more are counted as omitted."""
MOST_LINES = 20_000
"""Lines of a diff that are shown; more are counted."""
NOTED_S = 10.0
"""Seconds that an agent at rest gets to take a note."""
_LOOKS, _LOOK_S = 40, 0.05
"""How often, and after how many seconds each time, a rewind is looked for on disk."""


@handles(SIDE_QUESTION)
async def side_question(services: Services, call: CallContext, args: SideQuestion) -> SideAnswerResult:
    """The agent's answer. Raises NotFound, ConversationAsleep, SessionBusy, AgentRefused, DeadlinePassed."""
    _check_text("question", args.question)
    session = session_of(services, call, args.id)
    text = await verbs.side_question(session, args.question, args.timeout)
    return SideAnswerResult(answer=SideAnswer(session=session.id, question=args.question, text=text))


@handles(STEER_SESSION)
async def steer(services: Services, call: CallContext, args: Steer) -> SteeredResult:
    """Send a prompt into the running turn. Raises NotFound, ConversationAsleep, SessionBusy, BadInput."""
    _check_text("prompt", args.prompt)
    session = session_of(services, call, args.id)
    request = services.dispatcher.steer(session, args.prompt, call.who)
    return SteeredResult(steered=SteeredTurn(session=session.id, request=request))


@handles(ADD_NOTE)
async def add_note(services: Services, call: CallContext, args: AddNote) -> AddedNoteResult:
    """Add a note to a conversation. Raises NotFound, ConversationAsleep, SessionBusy, BadInput, DeadlinePassed."""
    _check_text("text", args.text)
    session = session_of(services, call, args.id)
    known = services.pool.index.get(session.id)
    if known is None or not known.conversation:
        remedy = "Send a prompt; it begins one."
        raise BadInput(f"Session {session.id} holds no conversation to note anything in.", field="id", remedy=remedy)
    waits, conversation = session.busy or session.life.foreign, session.conversation
    note = session.note(args.text)
    if not note:
        remedy = "Wait for the end of its turn, or put it all into one note."
        raise SessionBusy(f"As many notes as may wait for session {session.id}.", remedy=remedy)
    if not waits:
        await session.noted(note, NOTED_S)
    return AddedNoteResult(note=AddedNote(session=session.id, conversation=conversation, waits=waits))


@handles(REWIND_SESSION)
async def rewind(services: Services, call: CallContext, args: Rewind) -> RewoundResult:
    """Go back in a conversation that rests. Raises NotFound, ConversationAsleep, SessionBusy, ConversationChanged."""
    session = session_of(services, call, args.id)
    _check_rest(services, session)
    conversation = session.conversation
    prompts = await _prompts(session)
    target = _target(prompts, args)
    _check_rest(services, session)  # what is written now comes before every later prompt
    text = await verbs.rewind(session, target.ref, prompts[-1].ref)
    left = target.number - 1
    await _until_kept(session, left)
    services.transcripts.add(
        session.id, services.clock.wall(), "note", "rewound", f"to before prompt {target.number}, by {call.who}"
    )
    services.bus.publish(
        ConversationRewound(
            session=session.id, conversation=conversation, message=target.ref, prompts=left, by=call.who
        )
    )
    made = RewoundConversation(
        session=session.id, conversation=conversation, message=target.ref, text=text, prompts=left
    )
    return RewoundResult(rewound=made)


@handles(WORKSPACE_DIFF)
async def diff(services: Services, call: CallContext, args: SessionId) -> WorkspaceDiffResult:
    """What differs from the last commit. Raises NotFound, ConversationAsleep, AgentRefused, DeadlinePassed."""
    session = session_of(services, call, args.id)
    found = await verbs.workspace_diff(session)
    lines = _unified(found)
    shown = list(islice(lines, MOST_LINES))
    files = found.per_file_stats[:MOST_FILES]
    made = WorkspaceDiff(
        session=session.id,
        cwd=str(session.cwd),
        files=rows_as(ChangedFile, files),
        added=found.stats.lines_added,
        removed=found.stats.lines_removed,
        omitted=found.omitted.files + len(found.per_file_stats) - len(files) + len(found.skipped_large),
        cut=sum(1 for _ in lines),
        text="\n".join(shown),
    )
    return WorkspaceDiffResult(diff=made)


@handles(EXPORT_CONVERSATION)
async def export(services: Services, call: CallContext, args: SessionId) -> ExportResult:
    """The conversation as text. Raises NotFound, ConversationAsleep, AgentRefused, DeadlinePassed."""
    session = session_of(services, call, args.id)
    found = await verbs.export_conversation(session)
    made = ExportedConversation(
        session=session.id,
        conversation=session.conversation,
        filename=found.default_filename,
        text=found.text.lstrip("\n"),
    )
    return ExportResult(export=made)


def session_of(services: Services, call: CallContext, name: str) -> Session:
    """The running session of this name, or the one that holds the conversation of this name.

    Raises NotFound, also for another tenant's, ConversationAsleep, SessionBusy while it starts or is being stopped.
    """
    sessions, reaches = services.pool.sessions, call.caller.reaches
    holders = {each: session for (tenant, each), session in services.conversations.held_by().items() if reaches(tenant)}
    found = sessions.get(name) or sessions.get(holders.get(name, ""))
    if found is None or not reaches(found.profile.tenant):
        _explain_absence(services, call, name)
        raise NotFound(f"There is no session {name}.", field="id", remedy="GET /api/sessions lists them.")
    if not found.ready or found.stopping or found.lost:
        how = "starts" if not found.ready else "is being stopped"
        raise SessionBusy(f"Session {found.id} {how}.", remedy="Try again once it is idle or running.")
    return found


def _explain_absence(services: Services, call: CallContext, name: str) -> None:
    """Raises ConversationAsleep where the conversation that is meant has no process."""
    ended = next((row for row in services.state.ended if row.id == name and call.caller.reaches(row.tenant)), None)
    wanted = ended.conversation if ended is not None else name
    if wanted:
        services.conversations.check_not_lent(call.caller.tenant, wanted)
    if wanted and any(map(call.caller.reaches, services.conversations.tenants(wanted))):
        gone = f"Session {name} has ended, and its conversation" if ended is not None else "Conversation"
        remedy = f"`quarterdeck run --conversation {wanted} PROMPT` wakes it."
        raise ConversationAsleep(f"{gone} {wanted} is asleep: no process could be asked.", remedy=remedy)


def _check_rest(services: Services, session: Session) -> None:
    """Raises SessionBusy while a turn runs in a session, or a request holds it for one."""
    if session.busy or session.life.foreign or services.pool.leased(session.id):
        remedy = f"Wait for its end, or `quarterdeck sessions interrupt {session.id}`."
        raise SessionBusy(f"Session {session.id} runs a turn.", remedy=remedy)


def _check_text(field: str, text: str) -> None:
    if not text.strip():
        raise BadInput(f"The {field} is empty.", field=field, remedy="Write what the agent is to read.")


async def _prompts(session: Session) -> list[KeptPrompt]:
    found = await _read_prompts(session)
    if not found:
        raise NotFound(f"The conversation of session {session.id} has no prompt yet.", field="id", remedy="Send one.")
    return found


async def _read_prompts(session: Session) -> list[KeptPrompt]:
    path = session.transcript()
    try:
        return await asyncio.to_thread(prompts_in, path) if path is not None else []
    except OSError as error:
        why = f"The transcript of conversation {session.conversation} cannot be read: {error.strerror}."
        raise NotFound(why, field="id", remedy="`quarterdeck doctor` checks the folders.") from error


async def _until_kept(session: Session, prompts: int) -> None:
    """The agent writes it to its transcript a moment later; whoever reads that after us finds it there."""
    for _look in range(_LOOKS):
        if len(await _read_prompts(session)) <= prompts:
            return
        await asyncio.sleep(_LOOK_S)


def _target(prompts: list[KeptPrompt], args: Rewind) -> KeptPrompt:
    """The prompt that is meant. Raises BadInput unless exactly one is named, NotFound."""
    lists = "`quarterdeck conversations prompts` lists them."
    if (args.prompt is None) is (not args.message):
        raise BadInput("Name one prompt: by its number, or by its message.", field="prompt", remedy=lists)
    for each in prompts:
        if args.prompt == each.number or (args.message and args.message == each.ref):
            return each
    if args.message:
        raise NotFound(f"The conversation has no prompt {args.message}.", field="message", remedy=lists)
    raise NotFound(f"The conversation has {len(prompts)} prompts, not {args.prompt}.", field="prompt", remedy=lists)


def _unified(diff: verbs.Diff) -> Iterator[str]:
    """The lines of a unified diff."""
    for file in diff.hunks:
        yield f"--- a/{file.path}"
        yield f"+++ b/{file.path}"
        for hunk in file.hunks:
            yield f"@@ -{hunk.old_start},{hunk.old_lines} +{hunk.new_start},{hunk.new_lines} @@"
            yield from hunk.lines
    shown = {file.path for file in diff.hunks}
    for each in diff.per_file_stats:
        if each.path not in shown:
            yield f"{'??' if each.is_untracked else each.status or 'changed'} {each.path}"
