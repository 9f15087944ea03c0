"""The declaration of an operation: one thing that a caller can read or do, the same at every door."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from engine.base.caller import Scope

A = TypeVar("A", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)

SMALL_BODY = 256 * 1024
"""Bytes of a body, unless the operation says otherwise."""
READS = frozenset({"GET", "HEAD"})
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


class NoArguments(msgspec.Struct, frozen=True):
    """An operation that needs none."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[A, R]):
    """One operation; `route` is `METHOD /path/{field}`, whose fields are fields of `args`.

    Other arguments of GET and DELETE come from the query, of other methods from the body: from its fields, or, with
    `body`, as the whole body in that field. `confirm` is what a person is asked first, a template over the arguments.
    `duration` names the argument whose seconds the answer may take longer than usual. `stream` marks what the API
    serves by a handler of its own. `command` is its command line, `columns` the columns of the result's rows there,
    `sentence` the line printed instead, a template over arguments and result. `asks_agent` states that a session's
    agent is asked, which may be busy, late or unable.
    """

    id: str
    route: str
    args: type[A]
    result: type[R]
    summary: str
    scope: Scope = Scope.VIEWER
    status: int = 200
    body: str = ""
    bounds: str = ""
    max_body: int = SMALL_BODY
    confirm: str = ""
    duration: str = ""
    stream: bool = False
    command: str = ""
    columns: tuple[str, ...] = ()
    sentence: str = ""
    asks_agent: bool = False
    examples: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path as a router takes it: `/api/breakers/{name:path}`."""
        return self.route.partition(" ")[2]

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it: `/api/breakers/{name}`."""
        return _PARAMETER.sub(r"{\1}", self.path)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The arguments that stand in the path, in order."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def acts(self) -> bool:
        """Whether it changes anything: read-only mode refuses it, and it is audited."""
        return self.scope is not Scope.VIEWER

    @property
    def has_body(self) -> bool:
        """Whether arguments come from the body of an HTTP request."""
        return self.method not in {*READS, "DELETE"} and bool(self.others)

    @property
    def others(self) -> tuple[str, ...]:
        """The names, as they are sent, of the arguments that do not stand in the path."""
        names = (field.encode_name for field in msgspec.structs.fields(self.args))
        return tuple(name for name in names if name not in self.parameters)
