"""An operation as an HTTP call: its path, query and body made from the declaration, its result read back."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from engine.base.errors import BadInput, NoEngine
from engine.operations.operation import A, Operation, R

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class HttpCall:
    """What to send; `extra_s` is the time in seconds that the answer may take longer than usual."""

    method: str
    path: str
    body: Any = None
    extra_s: float = 0.0


def http_call(operation: Operation[A, Any], args: A) -> HttpCall:
    """The call that carries these arguments; those that are unset are left out. Raises BadInput for an empty id."""
    given: dict[str, Any] = msgspec.to_builtins(args)
    path = _PARAMETER.sub(lambda found: segment(str(given[found[1]])), operation.template)
    others = {name: given[name] for name in operation.others if name in given}
    extra = float(given.get(operation.duration) or 0.0) if operation.duration else 0.0
    if operation.has_body:
        return HttpCall(operation.method, path, given[operation.body] if operation.body else others, extra)
    query = urlencode({name: _text(value) for name, value in others.items() if value is not None})
    return HttpCall(operation.method, f"{path}?{query}" if query else path, None, extra)


def check_finite(body: Any, field: str = "") -> None:
    """Raises BadInput, with its field, for a number that JSON has no word for."""
    if isinstance(body, float) and not math.isfinite(body):
        raise BadInput(f"{body} is not a finite number.", field=field, remedy="Give a finite number.")
    for name, value in body.items() if isinstance(body, Mapping) else ():
        check_finite(value, f"{field}.{name}" if field else str(name))
    for value in body if isinstance(body, list | tuple) else ():
        check_finite(value, field)


def result_in(operation: Operation[Any, R], data: Mapping[str, Any], address: object) -> R:
    """The result in the data of an answer. Raises NoEngine when it does not fit the declaration."""
    try:
        return msgspec.convert(data, operation.result)
    except msgspec.ValidationError as error:
        remedy = "Update the older of the two: `quarterdeck --version` and the engine's version differ."
        raise NoEngine(f"{address} answered {operation.id} in another form: {error}.", remedy=remedy) from error


def segment(text: str) -> str:
    """A name as one part of a path, or as one value of a query, whatever it holds. Raises BadInput for none."""
    if not text:
        raise BadInput("The id is empty.", remedy="Give the id as the list shows it.")
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
