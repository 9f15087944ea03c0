"""The arguments of an operation as an HTTP request carries them: in its path, its query and its body."""

from __future__ import annotations

from typing import Any

from msgspec import inspect as types
from starlette.requests import Request

from engine.api.envelope import BodyTooLarge, body_of
from engine.api.strict_text import QUOTED_SLASH
from engine.base.errors import BadInput
from engine.operations.arguments import converted, field_types
from engine.operations.operation import A, Operation


async def arguments_of(request: Request, operation: Operation[A, Any]) -> A:
    """The arguments. Raises BadInput naming the field that is wrong, NotJson, BodyTooLarge."""
    path = {name: _unquoted(operation, name, request.path_params[name]) for name in operation.parameters}
    if operation.has_body:
        return converted({**await _body(request, operation), **path}, operation)
    return converted({**_query(request, operation), **path}, operation, strict=False)


async def _body(request: Request, operation: Operation[Any, Any]) -> dict[str, Any]:
    try:
        body = await body_of(request, operation.max_body)
    except BodyTooLarge as error:
        if not operation.bounds:
            raise
        raise BadInput(operation.bounds, field="body", remedy="Send it in parts.") from error
    if operation.body:
        return {operation.body: body}
    known = operation.others
    if unknown := body.keys() - set(known):
        name = min(unknown)
        raise BadInput(f"There is no field {name!r}.", field=name, remedy=f"Known fields: {', '.join(known)}.")
    return body


def _query(request: Request, operation: Operation[Any, Any]) -> dict[str, Any]:
    """The known names of the query; a whole number is read strictly, and named with its range."""
    fields = field_types(operation.args)
    given: dict[str, Any] = {}
    for name in operation.others:
        text = request.query_params.get(name)
        if text is not None:
            kind = fields[name]
            given[name] = _number(name, text, kind) if isinstance(kind, types.IntType) else text
    return given


def _number(name: str, text: str, kind: types.IntType) -> int:
    low, high = kind.ge or 0, kind.le or 2**53
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise BadInput(f"{name} is {text!r}.", field=name, remedy=f"Give a whole number from {low} to {high}.")
    return value


def _unquoted(operation: Operation[Any, Any], name: str, value: str) -> str:
    """A parameter that may hold slashes holds them again, quoted or not."""
    return value.replace(QUOTED_SLASH, "/") if f"{{{name}:path}}" in operation.path else value
