"""A refused credential is stopped, and a person is told."""

from __future__ import annotations

from collections.abc import Callable

from engine.errors import ErrorKind
from engine.recovery.ladder import REAUTHENTICATE
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult
from engine.recovery.trouble import Aim, Trouble

_SURE = 0.5
_REMEDY = "Sign in with `claude login` or set ANTHROPIC_API_KEY, then `quarterdeck breakers close {}`."


class Reauthenticate:
    """Holds the credential's breaker open, so that not every session is refused in turn (hazards.md, H12).

    `hold` is the time in seconds after which one call tries it again, 0 for never.
    """

    name, aim, estimate = REAUTHENTICATE, Aim.CREDENTIAL, 0.1

    def __init__(self, hold: Callable[[], float]) -> None:
        self._hold = hold

    def can_recover(self, trouble: Trouble) -> bool:
        """An authentication error that is more than a guess, or a person's wish."""
        if not trouble.credential:
            return False
        error = trouble.error
        return error is None or (error.kind is ErrorKind.AUTH and error.verdict.confidence >= _SURE)

    async def run(self, trouble: Trouble, ports: RecoveryPorts) -> RecoveryResult:
        """Requests that use another credential go on."""
        name = trouble.credential
        result = ports.hold(name, trouble, self._hold(), parked=False)
        if result.ok:
            ports.tell(f"{name} is stopped: {trouble.reason}", _REMEDY.format(name))
        return result
