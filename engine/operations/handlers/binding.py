"""How a handler is bound to its operation, and what it gets beside the arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from engine.base.caller import Caller
from engine.operations.declared.paging import PageArgs
from engine.operations.handlers.services import Services
from engine.operations.operation import A, Operation, R
from engine.requests import AnswerStream

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CallContext:
    """One call: its caller, where an answer that grows is written, and whom to tell that nothing speaks against it."""

    caller: Caller
    stream: AnswerStream | None = None
    accepted: Callable[[], None] | None = None

    @property
    def who(self) -> str:
        """The caller as histories record it."""
        return self.caller.name


Handler = Callable[[Services, CallContext, A], Awaitable[R]]
HANDLERS: dict[str, Callable[[Services, CallContext, Any], Awaitable[Any]]] = {}
"""The handlers by operation id, filled when their modules are loaded."""


def handles(operation: Operation[A, R]) -> Callable[[Handler[A, R]], Handler[A, R]]:
    """Bind a function to an operation; a second one for the same operation is a mistake of the program."""

    def bind(handler: Handler[A, R]) -> Handler[A, R]:
        if operation.id in HANDLERS:
            raise ValueError(f"operation {operation.id} has two handlers")
        HANDLERS[operation.id] = handler
        return handler

    return bind


def page_of(args: PageArgs, rows: Sequence[T]) -> Sequence[T]:
    """The rows that were asked for."""
    return rows[args.offset : args.offset + args.limit]


def rows_as(kind: type[R], rows: Sequence[Any]) -> list[R]:
    """Rows of the engine's parts as rows of a result: the fields of the same names."""
    return [msgspec.convert(row, kind, from_attributes=True) for row in rows]


def row_as(kind: type[R], row: object) -> R:
    """One row, as `rows_as`."""
    return msgspec.convert(row, kind, from_attributes=True)
