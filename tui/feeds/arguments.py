"""The arguments of an operation, held against its declared bounds before they go to an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from engine.base.errors import BadInput
from engine.operations.operation import Operation

A = TypeVar("A", bound=msgspec.Struct)


def converted(operation: Operation[A, Any], given: Mapping[str, Any]) -> A:
    """The arguments from their names and values. Raises BadInput with the field that is out of its bounds."""
    try:
        return msgspec.convert(given, operation.args)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$")
        field = place.strip("`.").partition("[")[0]
        sentence = f"{field}: {problem[0].lower()}{problem[1:]}." if field else f"{problem}."
        remedy = f"`quarterdeck {operation.command or operation.id.replace('.', ' ').replace('_', '-')} --help`."
        raise BadInput(sentence, field=field or None, remedy=remedy) from error


def checked(operation: Operation[A, Any], args: A) -> A:
    """The same arguments, made without a check. Raises BadInput as `converted`."""
    return converted(operation, msgspec.to_builtins(args))
