"""The recovery strategies that come with Quarterdeck."""

from __future__ import annotations

from collections.abc import Callable

from engine.base.errors import ErrorKind
from engine.recovery.escalation import CLEAN, FAIL_FAST, PARK, REAUTHENTICATE, REDUCE_LOAD, RESTART, RESUME
from engine.recovery.failure import Failure, TargetKind
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult

_WAIT_S = 15.0
"""Longest wait for a session or a conversation to become free."""
_SURE = 0.5
"""Least confidence of a classification that stops a credential."""
_SIGN_IN = "Sign in with `claude login` or set ANTHROPIC_API_KEY, then `quarterdeck breakers close {}`."
_UNKNOWN_RESET_S = 60.0
"""Assumed where the server did not state when the limit resets."""
_LONGEST_PARK_S = 3600.0
"""One call tries a parked credential again after this time, whatever reset was stated."""


class ResumeConversation:
    """Waits until the old process tree is proven dead and no longer holds the right to write the conversation.

    The dispatcher then continues the turn, or runs it again where the transcript does not contain the prompt.
    """

    name, target_kind, estimated_time = RESUME, TargetKind.CONVERSATION, 3.0

    def can_recover(self, failure: Failure) -> bool:
        """A request whose session was lost."""
        return bool(failure.conversation or failure.session)

    async def execute(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """Returns at once for a request that had no conversation yet: it may begin another one."""
        if not failure.conversation:
            return RecoveryResult(True, "the request had no conversation yet and begins another")
        return await ports.let_go(failure.tenant, failure.conversation, failure.session, _WAIT_S)


class RestartProcess:
    """Retires the session that failed; the pool starts another one for whoever waits."""

    name, target_kind, estimated_time = RESTART, TargetKind.SESSION, 5.0

    def can_recover(self, failure: Failure) -> bool:
        """A session, or a profile whose session could not start."""
        return bool(failure.session or failure.profile)

    async def execute(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """Runs the shutdown sequence; succeeds when the session's process tree is proven empty."""
        if not failure.session:
            return RecoveryResult(True, "no process is left of the failed start; the pool starts another")
        return await ports.replace(failure.session, f"recovery: {failure.reason}", _WAIT_S)


class CleanResources:
    """Removes what is proven to be left over from us: zombies, orphans, partial files, locks of dead owners."""

    name, target_kind, estimated_time = CLEAN, TargetKind.ENGINE, 3.0

    def can_recover(self, failure: Failure) -> bool:  # noqa: ARG002 - cleaning is always possible
        """Always."""
        return True

    async def execute(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:  # noqa: ARG002 - cleans all
        """Succeeds also when nothing was left over."""
        found = await ports.clean()
        counts = f"{found.processes} processes, {found.zombies} zombies, {found.leases} locks, {found.files} files"
        if found.survivors:
            return RecoveryResult(False, f"cleaned {counts}; {found.survivors} processes would not end")
        return RecoveryResult(True, f"cleaned {counts}")


class Reauthenticate:
    """Holds the credential's breaker open, so that the API does not refuse every session in turn.

    `hold` is the time in seconds after which one call tries the credential again, 0 for never.
    """

    name, target_kind, estimated_time = REAUTHENTICATE, TargetKind.CREDENTIAL, 0.1

    def __init__(self, hold: Callable[[], float]) -> None:
        self._hold = hold

    def can_recover(self, failure: Failure) -> bool:
        """An authentication error that is more than a guess, or a run that a person started."""
        if not failure.credential:
            return False
        error = failure.error
        return error is None or (error.kind is ErrorKind.AUTH and error.verdict.confidence >= _SURE)

    async def execute(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """Requests of other credentials continue."""
        name = failure.credential
        result = ports.hold(name, failure, self._hold(), parked=False)
        if result.ok:
            ports.notify(f"{name} is stopped: {failure.reason}", _SIGN_IN.format(name))
        return result


class ReduceLoad:
    """Lowers the limit of concurrent requests, which rises again step by step."""

    name, target_kind, estimated_time = REDUCE_LOAD, TargetKind.ENGINE, 0.1

    def can_recover(self, failure: Failure) -> bool:  # noqa: ARG002 - load can always be lowered
        """Always."""
        return True

    async def execute(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """Takes effect at once; running turns continue."""
        return ports.decrease_limit(failure.reason, failure.credential)


class Park:
    """Holds the credential's breaker open until its limit resets; requests that may wait wake spread over time."""

    name, target_kind, estimated_time = PARK, TargetKind.CREDENTIAL, 0.1

    def can_recover(self, failure: Failure) -> bool:
        """A failure that names the credential whose limit was reached."""
        return bool(failure.credential)

    async def execute(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """Returns at once: each request decides for itself how long it waits."""
        return ports.hold(failure.credential, failure, parked_for(failure), parked=True)


class FailFast:
    """The last level of escalation: nothing can help, so the request fails at once."""

    name, target_kind, estimated_time = FAIL_FAST, TargetKind.ENGINE, 0.0

    def can_recover(self, failure: Failure) -> bool:  # noqa: ARG002 - it applies to every failure
        """Never: it only reports that."""
        return False

    async def execute(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:  # noqa: ARG002 - it does nothing
        """Does nothing."""
        return RecoveryResult(False, "nothing that the engine can do would help")


def resets_in(failure: Failure) -> float:
    """Seconds until the limit resets, as far as it is known."""
    return failure.retry_after or _UNKNOWN_RESET_S


def parked_for(failure: Failure) -> float:
    """Seconds for which the credential is held."""
    return min(_LONGEST_PARK_S, resets_in(failure))


def refusal(failure: Failure) -> str:
    """Why the request may not wait that long; empty when it may."""
    wait = resets_in(failure)
    if wait <= failure.patience:
        return ""
    return f"the limit resets in {wait:.0f} s, and the request may be held for {failure.patience:.0f} s"
