"""Commands of the `:` line that are only an operation: how each is written, and its arguments in some words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from engine.operations.operation import Operation
from engine.operations.registry import REGISTRY


def acting_operations() -> Iterator[tuple[str, Operation[Any, Any]]]:
    """The acts, and what is asked of an agent, by their command line, without those that need a body of their own."""
    for operation in REGISTRY.values():
        if (operation.acts or operation.asks_agent) and not operation.body and not operation.stream:
            yield operation.command or operation.id.replace(".", " ").replace("_", "-"), operation


def usage(name: str, operation: Operation[Any, Any]) -> str:
    """How it is written: arguments in order, options as `name=…`."""
    fields = _ordered(operation)
    given = [field.encode_name.upper() for field in fields if field.required]
    options = [f"[{field.encode_name}=…]" for field in fields if not field.required]
    return " ".join([name, *given, *options])


def arguments(operation: Operation[Any, Any], words: Sequence[str]) -> msgspec.Struct:
    """The arguments in some words. Raises ValueError with a sentence."""
    fields = _ordered(operation)
    optional = {field.encode_name for field in fields if not field.required}
    required = [field.encode_name for field in fields if field.required]
    options = dict(word.split("=", 1) for word in words if word.partition("=")[0] in optional and "=" in word)
    plain = [word for word in words if word.partition("=")[0] not in optional or "=" not in word]
    if len(plain) != len(required):
        wanted = ", ".join(required) or "no argument"
        raise ValueError(f"It takes {wanted}; {len(plain)} given.")
    try:
        made: msgspec.Struct = msgspec.convert(
            {**dict(zip(required, plain, strict=True)), **options}, operation.args, strict=False
        )
    except msgspec.ValidationError as error:
        raise ValueError(f"{error}.") from error
    return made


def _ordered(operation: Operation[Any, Any]) -> list[Any]:
    fields = msgspec.structs.fields(operation.args)
    path = [field for name in operation.parameters for field in fields if field.name == name]
    return [*path, *(field for field in fields if field not in path)]


def fields_of(struct: msgspec.Struct) -> Mapping[str, Any]:
    """A struct by its fields."""
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def values_of(struct: msgspec.Struct) -> list[tuple[str, Any]]:
    """The fields of a struct that were given."""
    return [(name, value) for name, value in fields_of(struct).items() if value is not msgspec.UNSET and value != ""]
