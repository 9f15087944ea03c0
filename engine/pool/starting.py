"""What to start for a request: where the agent works and what it may do. Pure."""

from __future__ import annotations

from pathlib import Path

from engine.backends.base import AgentSpec, Backend
from engine.backends.directories import is_allowed
from engine.backends.profiles import narrower
from engine.base.errors import Forbidden, NotFound
from engine.pool.routing import LeaseRequest
from engine.sessions.session import Session
from engine.store.conversations import ConversationRow
from engine.store.sqlite import StoreUnusable


def spec_of(name: str, request: LeaseRequest, conversation: str, row: ConversationRow | None) -> AgentSpec:
    """A conversation goes on where it was, and never with more than it was allowed when it was used last."""
    profile = request.profile
    if row is None:
        named = request.directory is not None
        return AgentSpec(name, profile, conversation, request.resumes, request.directory, named)
    mode = narrower(row.permission_mode, profile.permission_mode)
    own = row.directory and profile.workspace is None
    directory = Path(row.directory) if own or row.named else None
    return AgentSpec(
        name,
        profile,
        conversation,
        request.resumes,
        directory,
        named_directory=row.named,
        permission_mode=mode if mode != profile.permission_mode else "",
    )


def row_of(session: Session) -> ConversationRow:
    """What is to be remembered of the conversation that a session holds; a workspace is its profile's to name."""
    spec = session.spec
    named = spec.named_directory and spec.conversation == session.conversation
    directory = str(session.cwd) if named or spec.profile.workspace is None else ""
    return ConversationRow(directory, named, spec.mode, spec.profile.name)


def why_single_use(spec: AgentSpec) -> str:
    """Why the process may serve no other conversation, from its start on; empty when it may."""
    if spec.named_directory:
        return "it works in a directory that a request named"
    return f"it runs with the permission mode {spec.mode} of its conversation" if spec.permission_mode else ""


def transcript_of(backend: Backend, spec: AgentSpec) -> Path:
    """The file of the conversation to resume, for a thread. Raises NotFound, so that nothing is started."""
    found = backend.transcript(spec.profile, spec.conversation)
    if found is None:
        raise NotFound(
            f"No conversation found with id {spec.conversation}.",
            field="conversation",
            remedy="Leave the conversation out for a new one; a conversation is resumed by its own profile.",
        )
    return found


def check(spec: AgentSpec, unreadable: StoreUnusable | None) -> None:
    """Raises Forbidden for a named directory that the profile does not allow any more, and what kept from knowing."""
    if unreadable is not None:
        raise unreadable
    if spec.directory is None or not spec.named_directory or is_allowed(spec.profile, spec.directory):
        return
    raise Forbidden(
        f"Conversation {spec.conversation} works in {spec.directory}, which its profile does not allow any more.",
        field="conversation",
        remedy=f"Add it to `profiles.{spec.profile.name}.directories`, or begin a new conversation.",
    )
