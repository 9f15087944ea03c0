"""The arguments of an operation from names and values that somebody gave: made of the right kind, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect as types

from engine.base.errors import BadInput
from engine.operations.operation import A, Operation

_OF_THAT_KIND = "Send the field with a value of that kind."
_MOST_BITS = 1000
_NO_MATCH, _AROUND_PATTERN = "Expected `str` matching regex ", "'^$"
"""How msgspec begins to say that a pattern does not match, and what stands around the pattern."""


def converted(given: dict[str, Any], operation: Operation[A, Any], *, strict: bool = True) -> A:
    """The arguments from their names and values. Raises BadInput naming the field that is wrong."""
    kind = operation.args
    _check_size(given)
    try:
        return msgspec.convert(given, kind, strict=strict)
    except msgspec.ValidationError as error:
        field = _field_in(str(error))
        wanted, value = field_types(kind).get(field or ""), given.get(field or "")
        if isinstance(wanted, types.FloatType | types.IntType) and _is_number(value):
            text = f"A {field} of {value:g} is out of range."
            raise BadInput(text, field=field, remedy=_range(wanted)) from error
        raise BadInput(_sentence(str(error), field), field=field, remedy=_remedy(kind, field)) from error


def _check_size(given: dict[str, Any]) -> None:
    """A whole number that no float can hold is none for any field, and converting it would fail."""
    for field, value in given.items():
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise BadInput(f"{field} is far out of range.", field=field, remedy="Give a smaller number.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _range(wanted: types.FloatType | types.IntType) -> str:
    """The numbers that are allowed."""
    what = "a whole number" if isinstance(wanted, types.IntType) else "a number"
    low = f" from {wanted.ge}" if wanted.ge is not None else ""
    high = f" to {wanted.le}" if wanted.le is not None else ""
    return f"Give {what}{low}{high}."


def _sentence(problem: str, field: str | None) -> str:
    """What is wrong with a field, without the decoder's path to it."""
    what = problem.partition(" - at `$")[0]
    if what.startswith(_NO_MATCH):
        what = f"Expected text of the form {what.removeprefix(_NO_MATCH).strip(_AROUND_PATTERN)}"
    return f"{field}: {what[0].lower()}{what[1:]}." if field and not what.startswith("Object") else f"{what}."


def field_types(kind: type[msgspec.Struct]) -> Mapping[str, types.Type]:
    """The fields of arguments by their names on the wire, with their types."""
    info = types.type_info(kind)
    return {field.encode_name: field.type for field in info.fields} if isinstance(info, types.StructType) else {}


def _remedy(kind: type[msgspec.Struct], field: str | None) -> str:
    """What may be sent in place of a bad value: the words of an enumeration where it is one."""
    wanted = field_types(kind).get(field or "")
    choices = wanted.types if isinstance(wanted, types.UnionType) else (wanted,)
    for choice in choices:
        if isinstance(choice, types.EnumType):
            return f"Use one of {', '.join(str(each.value) for each in choice.cls)}."
        if isinstance(choice, types.LiteralType):
            return f"Use one of {', '.join(map(str, choice.values))}."
        if isinstance(choice, types.BoolType):
            return "Use true or false."
        if isinstance(choice, types.StrType) and choice.pattern:
            return f"Use text of the form {choice.pattern.strip('^$')}."
    return _OF_THAT_KIND


def _field_in(message: str) -> str | None:
    """`… - at `$.name`` and `Object missing required field `name``, msgspec's two ways to name a field."""
    quoted = message.split("`")
    return quoted[-2].removeprefix("$.") if len(quoted) >= 3 else None
