"""Commands that are only an operation, made from its declaration: arguments, options, JSON and tables."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import click
import msgspec
from msgspec import inspect as types

from engine.operations.operation import NoArguments, Operation
from engine.operations.registry import REGISTRY
from tui.cli.options import Common, FiniteRange, called_alone, common_options
from tui.cli.output import echo, print_json, print_table
from tui.cli.running_engine import send
from tui.feeds.arguments import converted

_PAGING = frozenset({"limit", "offset"})
_CELL = 60
_MANY = 2
_WHOLE = 1000.0
"""From here on a float is shown without decimals, and without an exponent."""


def operations_of(group: str) -> dict[str, Operation[Any, Any]]:
    """The operations of a command group by the name of their command; that of the group itself is ``."""
    found = {}
    for operation in REGISTRY.values():
        first, _, name = (operation.command or operation.id.replace(".", " ").replace("_", "-")).partition(" ")
        if first == group and not operation.stream:
            found[name] = operation
    return found


def extend(group: click.Group, name: str) -> click.Group:
    """Add the commands of a group's operations that are not written by hand."""
    for command, operation in operations_of(name).items():
        if command and command not in group.commands:
            group.add_command(operation_command(operation, command))
    return group


def operation_group(name: str, summary: str) -> click.Command:
    """A group that is made of operations alone; a lone one is a plain command.

    Without a command it shows its list, its status, or its statistics.
    """
    operations = operations_of(name)
    if set(operations) == {""}:
        return operation_command(operations[""], name)
    usual = operations.get("list") or operations.get("status") or operations["statistics"]

    @click.group(name, help=summary, invoke_without_command=True, epilog=_example(usual))
    @common_options
    def group(common: Common) -> None:
        if called_alone():
            _run(common, usual, [usual.args()])

    return extend(group, name)


def operation_command(operation: Operation[Any, Any], name: str) -> click.Command:
    """One command: what has no default is an argument, all else an option; a lone id of an act may be repeated."""
    fields = _fields(operation)
    required = [field for field in fields if field.required]
    several = operation.acts and len(required) == 1 and required[0].encode_name in operation.parameters

    def run(common: Common, /, **given: Any) -> None:
        values = {key: value for key, value in given.items() if value is not None and value != ()}
        if several:
            key = required[0].name
            each = [{**values, key: one} for one in values[key]]
        else:
            each = [values]
        _run(common, operation, [converted(operation, _encoded(fields, one)) for one in each])

    run.__name__, run.__doc__ = name.replace("-", "_"), _help(operation, fields)
    made: Any = common_options(run)
    for field in reversed(fields):
        made = _parameter(field, several=several)(made)
    command: click.Command = click.command(name, short_help=operation.summary, epilog=_example(operation))(made)
    return command


def show_result(common: Common, operation: Operation[Any, Any], args: msgspec.Struct, result: msgspec.Struct) -> None:
    """A result: JSON, the declared sentence, a table of rows, or the fields of the one thing that it is about."""
    subject = _subject(result)
    if common.json:
        print_json(subject)
    elif operation.sentence:
        echo(operation.sentence.format_map({**_values(result), **_values(args)}))
    elif isinstance(subject, list):
        columns = operation.columns or (tuple(_values(subject[0])) if subject else ("nothing",))
        print_table([[_cell(name, getattr(row, name)) for name in columns] for row in subject], columns)
    else:
        _print_fields(_values(subject))


def _print_fields(values: dict[str, Any]) -> None:
    """The fields, and below them a table for each that holds rows."""
    tables = {
        name: value
        for name, value in values.items()
        if isinstance(value, list) and isinstance(_first(value), msgspec.Struct)
    }
    print_table(
        [(name, _cell(name, value)) for name, value in values.items() if name not in tables], ("field", "value")
    )
    for name, rows in tables.items():
        columns = tuple(_values(rows[0]))
        print_table([[_cell(each, getattr(row, each)) for each in columns] for row in rows], columns, name=name)


def _first(values: Sequence[Any]) -> Any:
    return values[0] if values else None


def _run(common: Common, operation: Operation[Any, Any], calls: Sequence[msgspec.Struct]) -> None:
    for args in calls:
        show_result(common, operation, args, send(common, operation, args))


def _subject(result: msgspec.Struct) -> Any:
    """What a result is about: its first field, or itself where that is plain."""
    first = next(iter(_values(result).values()), result)
    return first if isinstance(first, list | msgspec.Struct) else result


def _values(struct: Any) -> dict[str, Any]:
    values = {name: getattr(struct, name) for name in struct.__struct_fields__}
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}


def _cell(name: str, value: Any) -> str:
    if value is None or value is msgspec.UNSET:
        return ""
    if isinstance(value, float) and name in {"created", "used"}:
        from tui.render.formats import day

        return day(value)
    if isinstance(value, float) and (name in {"at", "since", "when"} or name.endswith(("_at", "_used"))):
        from tui.render.formats import moment

        return moment(value, time.time()) if value else ""
    if isinstance(value, msgspec.Struct):
        return "  ".join(f"{key} {_cell(key, each)}" for key, each in _values(value).items())
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(name, each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_cell(name, each) for each in value)
    if isinstance(value, float):
        return f"{value:.0f}" if _WHOLE <= abs(value) < math.inf else f"{value:.4g}"
    text = " ".join(str(value).split())
    return text if len(text) <= _CELL or name != "prompt" else text[:_CELL]


def _fields(operation: Operation[Any, Any]) -> list[types.Field]:
    info = types.type_info(operation.args)
    if operation.args is NoArguments or not isinstance(info, types.StructType):
        return []
    path = [field for name in operation.parameters for field in info.fields if field.name == name]
    rest = [field for field in info.fields if field not in path]
    return [*path, *rest]


def _encoded(fields: Sequence[types.Field], given: dict[str, Any]) -> dict[str, Any]:
    return {field.encode_name: given[field.name] for field in fields if field.name in given}


def _parameter(field: types.Field, *, several: bool) -> Callable[[Any], Any]:
    many = isinstance(field.type, types.VarTupleType | types.ListType)
    kind = _click_type(
        field.type.item_type if isinstance(field.type, types.VarTupleType | types.ListType) else field.type
    )
    if field.required:
        metavar = field.encode_name.upper().removesuffix("S" if many else "")
        if several or many:
            return click.argument(field.name, nargs=-1, required=True, type=kind, metavar=f"{metavar}...")
        return click.argument(field.name, type=kind, metavar=metavar)
    flag = "--" + field.encode_name.replace("_", "-").removesuffix("s" if many else "")
    if many:
        return click.option(flag, field.name, type=kind, multiple=True, help="May be repeated.")
    if isinstance(field.type, types.BoolType):
        switch = flag if field.default is False else f"{flag}/--no-{flag[2:]}"
        return click.option(switch, field.name, is_flag=True, default=None)
    shown = field.default if isinstance(field.default, int | float | str) and field.default != "" else None
    note = f"Default: {shown}." if shown is not None else None
    if field.encode_name in _PAGING:
        note = f"{'At most so many rows' if field.encode_name == 'limit' else 'Skip so many rows'}. {note}"
    return click.option(flag, field.name, type=kind, default=None, help=note)


def _click_type(kind: types.Type) -> Any:
    if isinstance(kind, types.UnionType):
        known = [each for each in kind.types if not isinstance(each, types.NoneType)]
        return _click_type(known[0]) if len(known) < _MANY else click.STRING
    if isinstance(kind, types.EnumType):
        return click.Choice([str(each.value) for each in kind.cls])
    if isinstance(kind, types.LiteralType):
        return click.Choice([str(each) for each in kind.values])
    if isinstance(kind, types.BoolType):
        return click.BOOL
    if isinstance(kind, types.IntType):
        return click.IntRange(kind.ge, kind.le)
    if isinstance(kind, types.FloatType):
        return FiniteRange(kind.ge, kind.le)
    return click.STRING


def _help(operation: Operation[Any, Any], fields: Sequence[types.Field]) -> str:
    """The summary and, where there are options of its own, the sentences that describe the arguments."""
    options = [field for field in fields if not field.required and field.encode_name not in _PAGING]
    described = (operation.args.__doc__ or "").partition("\n\n")[0]
    return f"{operation.summary}\n\n{described}" if options and described else operation.summary


def _example(operation: Operation[Any, Any]) -> str | None:
    return f"Example: {operation.examples[0]}" if operation.examples else None
