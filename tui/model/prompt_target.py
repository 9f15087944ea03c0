"""Where a prompt goes: conversation, profile, folder, user and priority, and what happens to it there. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from engine.events.state import SessionView, State
from engine.events.types import SessionState
from engine.requests import PRIORITIES
from tui.render import formats
from tui.render.plain_text import clean

USUAL_PRIORITY = "medium"


@dataclass(frozen=True, slots=True)
class PromptTarget:
    """What is chosen for a prompt; an empty `folder` is the conversation's own, or that of the profile."""

    conversation: str = ""
    title: str = ""
    profile: str = "default"
    folder: str = ""
    user: str = ""
    priority: str = USUAL_PRIORITY

    @property
    def key(self) -> str:
        """Names its draft."""
        return self.conversation or f"a new conversation of {self.profile}"


@dataclass(frozen=True, slots=True)
class WrittenPrompt:
    """A prompt as it is to be sent."""

    text: str
    target: PromptTarget


def of_session(row: SessionView | None) -> PromptTarget:
    """The conversation of a session; of none, or of one that has served no turn, a new one of its profile."""
    if row is None:
        return PromptTarget()
    if not row.conversation or not (row.turns or row.request):
        return PromptTarget(profile=row.profile)
    return PromptTarget(row.conversation, f"{row.conversation[:8]} of {row.id}", row.profile, row.cwd)


def landing(target: PromptTarget, state: State) -> str:
    """What happens to the prompt when it is sent now."""
    if target.conversation:
        holder = next((row for row in state.sessions.values() if row.conversation == target.conversation), None)
        if holder is None:
            return "the conversation sleeps; a session wakes and goes on with it"
        return f"{holder.id}, {_when(holder)}"
    waiting = sum(1 for request in state.requests.values() if not request.session)
    before = f"; {formats.plural(waiting, 'request')} {'waits' if waiting == 1 else 'wait'} already" if waiting else ""
    folder = f" in {clean(target.folder)}" if target.folder else ""
    of_profile = [row for row in state.sessions.values() if row.profile == target.profile]
    if any(row.state is SessionState.IDLE for row in of_profile):
        return f"a new conversation{folder}, in an idle session of {clean(target.profile)}{before}"
    return f"a new conversation{folder}, once a session of {clean(target.profile)} is free or has started{before}"


def _when(row: SessionView) -> str:
    if row.state is SessionState.APPROVAL:
        return "after its turn, which waits for an approval"
    return "after the turn that runs there" if row.request else "at once"


def priorities() -> list[tuple[str, str]]:
    """The priorities, the most pressing first, and what each does."""
    about = {"urgent": "before all others", "low": "when nothing else waits"}
    return [(name, about.get(name, "")) for name in reversed(PRIORITIES)]


def users_of(state: State) -> list[str]:
    """Users that sessions and requests name."""
    named = {row.user for row in state.sessions.values()} | {each.user for each in state.requests.values()}
    return sorted(name for name in named if name)
