"""The one home of a session's state: a transition table, the facts beside it, and the story that an error tells. Pure.

`State` is what the process and our turn are doing. Beside it stand whether the session is leased, what the agent does
by itself (a turn that the CLI began, tasks in the background), why the process may not serve another conversation, and
why it takes no new work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

STORY = 32
"""Changes that a session remembers, for the error that names an illegal one."""


class State(StrEnum):
    """What a session's process and our turn in it are doing."""

    STARTING = "starting"
    """Being started; it has not answered yet."""
    PARKED = "parked"
    """Started as far as it goes without a conversation; it waits for one to resume."""
    READY = "ready"
    """Up, with no turn of ours on the wire."""
    RUNNING = "running"
    """A turn of ours is on the wire and its owner waits for it."""
    SETTLING = "settling"
    """The owner left; the turn is interrupted and its end is still to come."""
    STOPPING = "stopping"
    """We end it; its process still lives."""
    CLOSING = "closing"
    """We end it; its process is gone, its tree not yet proven empty."""
    LOST = "lost"
    """The process ended by itself; its tree is not yet proven empty."""
    ENDED = "ended"
    """The tree is proven empty, or what survived was reported."""


class Transition(StrEnum):
    """What happens to a session."""

    PARKED = "parked"
    """It waits at its gate."""
    WOKEN = "woken"
    """It is given a conversation to resume."""
    ANSWERED = "answered"
    """It answered `initialize`."""
    BEGAN = "began"
    FINISHED = "finished"
    ABANDONED = "abandoned"
    """The turn's owner stopped waiting for it."""
    STOPPED = "stopped"
    """Somebody ends it."""
    EXITED = "exited"
    """The process is gone."""
    CLOSED = "closed"
    """What is left of its tree was ended and counted."""


_S, _C = State, Transition
TRANSITIONS: Mapping[tuple[State, Transition], State] = {
    (_S.STARTING, _C.PARKED): _S.PARKED,
    (_S.PARKED, _C.WOKEN): _S.STARTING,
    (_S.PARKED, _C.STOPPED): _S.STOPPING,
    (_S.PARKED, _C.EXITED): _S.LOST,
    (_S.STARTING, _C.ANSWERED): _S.READY,
    (_S.STARTING, _C.STOPPED): _S.STOPPING,
    (_S.STARTING, _C.EXITED): _S.LOST,
    (_S.READY, _C.BEGAN): _S.RUNNING,
    (_S.READY, _C.STOPPED): _S.STOPPING,
    (_S.READY, _C.EXITED): _S.LOST,
    (_S.RUNNING, _C.FINISHED): _S.READY,
    (_S.RUNNING, _C.ABANDONED): _S.SETTLING,
    (_S.RUNNING, _C.STOPPED): _S.STOPPING,
    (_S.RUNNING, _C.EXITED): _S.LOST,
    (_S.SETTLING, _C.FINISHED): _S.READY,
    (_S.SETTLING, _C.STOPPED): _S.STOPPING,
    (_S.SETTLING, _C.EXITED): _S.LOST,
    (_S.STOPPING, _C.FINISHED): _S.STOPPING,
    (_S.STOPPING, _C.ABANDONED): _S.STOPPING,
    (_S.STOPPING, _C.STOPPED): _S.STOPPING,
    (_S.STOPPING, _C.EXITED): _S.CLOSING,
    (_S.STOPPING, _C.CLOSED): _S.ENDED,
    (_S.CLOSING, _C.ABANDONED): _S.CLOSING,
    (_S.CLOSING, _C.STOPPED): _S.CLOSING,
    (_S.CLOSING, _C.CLOSED): _S.ENDED,
    (_S.LOST, _C.ABANDONED): _S.LOST,
    (_S.LOST, _C.STOPPED): _S.CLOSING,
    (_S.LOST, _C.CLOSED): _S.ENDED,
    (_S.ENDED, _C.ABANDONED): _S.ENDED,
}
"""Where each change leads; a pair that is not here must not happen."""

GONE = frozenset({State.CLOSING, State.LOST, State.ENDED})
"""States without a process that could do anything."""
ENDING = frozenset({State.STOPPING, State.CLOSING, State.ENDED})
"""States that somebody brought about to end the session."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the story."""

    at: float
    change: str
    state: State


class IllegalTransition(RuntimeError):
    """A change that the state does not allow; the message tells the session's story."""


class Lifecycle:
    """Owner of one session's state, changed by its methods alone. Times are monotonic seconds."""

    def __init__(self, session: str, now: float) -> None:
        self.session = session
        self._story: deque[Step] = deque(maxlen=STORY)
        self.state = State.STARTING
        self.since = now
        self.leased = False
        self.foreign_since: float | None = None
        self.tasks: tuple[str, ...] = ()
        self.tasks_since: float | None = None
        self.single_use = ""
        self.retired = ""
        self.ended_by = ""

    @property
    def ready(self) -> bool:
        """Whether it came up; it may have ended since."""
        return self.state not in {State.STARTING, State.PARKED}

    @property
    def parked(self) -> bool:
        """Whether it waits for a conversation to resume."""
        return self.state is State.PARKED

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self.state in GONE

    @property
    def ending(self) -> bool:
        """Whether somebody ends it, or has."""
        return self.state in ENDING

    @property
    def usable(self) -> bool:
        """Whether a turn may be begun."""
        return self.state is State.READY

    @property
    def foreign(self) -> bool:
        """Whether a turn runs that the CLI began by itself."""
        return self.foreign_since is not None

    @property
    def engaged(self) -> str:
        """What the agent does by itself, empty for nothing: then it is neither cleared, hibernated nor given away."""
        if self.gone:
            return ""
        if self.tasks:
            return f"{len(self.tasks)} background task{'s' * (len(self.tasks) > 1)}"
        return "a turn that the agent began by itself" if self.foreign else ""

    @property
    def engaged_since(self) -> float | None:
        """Since when, without a break."""
        if not self.engaged:
            return None
        return min(since for since in (self.foreign_since, self.tasks_since) if since is not None)

    def change(self, change: Transition, now: float, reason: str = "") -> None:
        """Go on to the next state. Raises IllegalTransition."""
        to = TRANSITIONS.get((self.state, change))
        self._report(now, change.value if not reason else f"{change.value}: {reason}", to or self.state)
        if to is None:
            raise IllegalTransition(f"Session {self.session} is {self.state} and cannot be {change}. {self.story()}")
        if to is not self.state:
            self.state, self.since = to, now
        if change is Transition.STOPPED and not self.ended_by:
            self.ended_by = reason
        if self.gone:
            self.leased = self.leased and self.state is not State.ENDED

    def lease(self, now: float) -> None:
        """A request takes it. Raises IllegalTransition for one that is leased, not up, or takes no new work."""
        self._report(now, "leased", self.state)
        if self.leased or not self.usable or self.retired:
            why = f", retired ({self.retired})" if self.retired else ""
            raise IllegalTransition(f"Session {self.session} is {self.state}{why} and cannot be leased. {self.story()}")
        self.leased = True

    def release(self, now: float) -> None:
        """The request is done with it. Raises IllegalTransition without a lease."""
        self._report(now, "released", self.state)
        if not self.leased:
            raise IllegalTransition(f"Session {self.session} is not leased. {self.story()}")
        self.leased = False

    def foreign_began(self, now: float) -> None:
        """The CLI began a turn by itself."""
        self._report(now, "foreign turn began", self.state)
        self.foreign_since = now if self.foreign_since is None else self.foreign_since
        self.keep_to_one("the agent ran a turn of its own in this conversation")

    def foreign_ended(self, now: float) -> None:
        """That turn is over."""
        self._report(now, "foreign turn ended", self.state)
        self.foreign_since = None

    def tasks_are(self, tasks: tuple[str, ...], now: float) -> None:
        """These background tasks are alive."""
        self._report(now, f"{len(tasks)} background tasks", self.state)
        self.tasks = tasks
        if tasks:
            self.tasks_since = now if self.tasks_since is None else self.tasks_since
            self.keep_to_one("background tasks were started in this conversation")
        else:
            self.tasks_since = None

    def keep_to_one(self, why: str) -> None:
        """The process may carry something over: it serves no other conversation."""
        self.single_use = self.single_use or why

    def retire(self, reason: str, now: float) -> None:
        """It takes no new work."""
        self._report(now, f"retired: {reason}", self.state)
        self.retired = self.retired or reason

    def story(self) -> str:
        """What happened to it, oldest first, in one line."""
        steps = "; ".join(f"{step.at:.3f} {step.change} -> {step.state}" for step in self._story)
        return f"Story: {steps or 'nothing happened'}."

    def validate(self) -> None:
        """Check what must hold between the facts. Raises AssertionError with the story."""
        checks = {
            "a lease needs a process that is up, or was lost under it": not self.leased
            or self.state not in {State.STARTING, State.PARKED},
            "what is ended holds no lease": not (self.leased and self.state is State.ENDED),
            "tasks and their begin go together": bool(self.tasks) == (self.tasks_since is not None),
            "what has engaged it keeps it to one conversation": not self.engaged or bool(self.single_use),
            "what somebody ended has a reason": not self.ending or bool(self.ended_by) or self.state is State.ENDED,
        }
        broken = [what for what, holds in checks.items() if not holds]
        if broken:
            raise AssertionError(f"Session {self.session}: {'; '.join(broken)}. {self.story()}")

    def _report(self, now: float, change: str, state: State) -> None:
        self._story.append(Step(now, change, state))
