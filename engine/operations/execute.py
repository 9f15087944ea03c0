"""The one door: every call of an operation is checked, carried out and, when it acts, audited here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from engine.base.caller import Caller, Scope
from engine.base.errors import Forbidden, QuarterdeckError
from engine.base.read_only import check_writable
from engine.engine import Engine
from engine.events.types import OperationExecuted
from engine.operations.handlers import (  # noqa: F401 - loading them binds the handlers
    alerts,
    breakers,
    cache,
    checkpoints,
    config,
    conversations,
    errors,
    memory,
    performance,
    permissions,
    pool,
    presets,
    profiler,
    profiles,
    prompts,
    queue,
    recordings,
    recoveries,
    sessions,
    terminals,
    verbs,
    workers,
)
from engine.operations.handlers.binding import HANDLERS, CallContext
from engine.operations.handlers.services import services_of
from engine.operations.operation import A, Operation, R
from engine.requests import AnswerStream

_RANK = {Scope.VIEWER: 0, Scope.OPERATOR: 1, Scope.ADMIN: 2}
_LONGEST_TARGET = 200


class Operations:
    """Calls of operations on one engine, on its loop; holds no state of its own."""

    def __init__(self, engine: Engine) -> None:
        self._services = services_of(engine)

    async def execute(
        self,
        operation: Operation[A, R],
        args: A,
        caller: Caller,
        *,
        stream: AnswerStream | None = None,
        accepted: Callable[[], None] | None = None,
    ) -> R:
        """The result. Raises Forbidden without the scope and in read-only mode, and what the handler raises."""
        outcome = "cancelled"
        try:
            self.check(operation, caller)
            call = CallContext(caller, stream, accepted)
            result: R = await HANDLERS[operation.id](self._services, call, args)
            outcome = "done"
        except QuarterdeckError as error:
            outcome = error.code
            raise
        except Exception:
            outcome = "internal_error"
            raise
        finally:
            if operation.acts:
                self._audit(operation, args, caller, outcome)
        return result

    def check(self, operation: Operation[Any, Any], caller: Caller) -> None:
        """Raises Forbidden when the caller lacks the scope, and in read-only mode for what acts."""
        held = max((_RANK[scope] for scope in caller.scopes), default=-1)
        if held < _RANK[operation.scope]:
            remedy = f"Use a token with the scope {operation.scope}."
            raise Forbidden(f"{operation.id} needs the scope {operation.scope}.", remedy=remedy)
        if operation.acts:
            check_writable(read_only=self._services.settings.engine.read_only)

    def _audit(self, operation: Operation[Any, Any], args: msgspec.Struct, caller: Caller, outcome: str) -> None:
        target = " ".join(str(getattr(args, name)) for name in operation.parameters)[:_LONGEST_TARGET]
        self._services.bus.publish(
            OperationExecuted(operation=operation.id, who=caller.name, door=caller.door, target=target, outcome=outcome)
        )
