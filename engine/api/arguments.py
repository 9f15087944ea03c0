"""The arguments of an operation as an HTTP request carries them: in its path, its query and its body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect as types
from starlette.requests import Request

from engine.api.envelope import BodyTooLarge, body_of
from engine.api.strict_text import QUOTED_SLASH
from engine.base.errors import BadInput
from engine.operations.operation import A, Operation

_OF_THAT_KIND = "Send the field with a value of that kind."


async def arguments_of(request: Request, operation: Operation[A, Any]) -> A:
    """The arguments. Raises BadInput naming the field that is wrong, NotJson, BodyTooLarge."""
    path = {name: _unquoted(operation, name, request.path_params[name]) for name in operation.parameters}
    if operation.has_body:
        return converted({**await _body(request, operation), **path}, operation)
    return converted({**_query(request, operation), **path}, operation, strict=False)


def converted(given: dict[str, Any], operation: Operation[A, Any], *, strict: bool = True) -> A:
    """The arguments from their names and values. Raises BadInput naming the field that is wrong."""
    kind = operation.args
    try:
        return msgspec.convert(given, kind, strict=strict)
    except msgspec.ValidationError as error:
        field = _field_in(str(error))
        wanted, value = _fields(kind).get(field or ""), given.get(field or "")
        if isinstance(wanted, types.FloatType | types.IntType) and isinstance(value, int | float):
            text = f"A {field} of {value:g} is out of range."
            raise BadInput(text, field=field, remedy=f"Give a number from {wanted.ge} to {wanted.le}.") from error
        raise BadInput(_sentence(str(error), field), field=field, remedy=_remedy(kind, field)) from error


def _sentence(problem: str, field: str | None) -> str:
    """What is wrong with a field, without the decoder's path to it."""
    what = problem.partition(" - at `$")[0]
    return f"{field}: {what[0].lower()}{what[1:]}." if field and not what.startswith("Object") else f"{what}."


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
    fields = _fields(operation.args)
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


def _fields(kind: type[msgspec.Struct]) -> Mapping[str, types.Type]:
    info = types.type_info(kind)
    return {field.encode_name: field.type for field in info.fields} if isinstance(info, types.StructType) else {}


def _remedy(kind: type[msgspec.Struct], field: str | None) -> str:
    """What may be sent in place of a bad value: the words of an enumeration where it is one."""
    wanted = _fields(kind).get(field or "")
    choices = wanted.types if isinstance(wanted, types.UnionType) else (wanted,)
    for choice in choices:
        if isinstance(choice, types.EnumType):
            return f"Use one of {', '.join(str(each.value) for each in choice.cls)}."
        if isinstance(choice, types.LiteralType):
            return f"Use one of {', '.join(map(str, choice.values))}."
        if isinstance(choice, types.BoolType):
            return "Use true or false."
    return _OF_THAT_KIND


def _unquoted(operation: Operation[Any, Any], name: str, value: str) -> str:
    """A parameter that may hold slashes holds them again, quoted or not."""
    return value.replace(QUOTED_SLASH, "/") if f"{{{name}:path}}" in operation.path else value


def _field_in(message: str) -> str | None:
    """`… - at `$.name`` and `Object missing required field `name``, msgspec's two ways to name a field."""
    quoted = message.split("`")
    return quoted[-2].removeprefix("$.") if len(quoted) >= 3 else None
