"""Settings by dotted key: reading one, listing all with secrets hidden, and building nested values from keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from engine.settings import catalogue
from engine.settings.schema import Settings

REDACTED = "**********"
_PASSWORD = re.compile(r"^([a-z][a-z0-9+.-]*://)([^/@]*)@", re.IGNORECASE)
_QUERY_SECRET = re.compile(r"([?&](?:[^=&]*(?:password|token|key|secret)[^=&]*)=)[^&]*", re.IGNORECASE)


def flatten(settings: Settings) -> dict[str, Any]:
    """Dotted key → value of every setting, fit for JSON, with secrets redacted."""
    return {key: redacted(key, value) for key, value in flatten_raw(settings).items()}


def flatten_raw(settings: Settings) -> dict[str, Any]:
    """Dotted key → value of every setting, secrets included: for comparing, never for printing."""
    return dict(_leaves(settings, ""))


def redacted(key: str, value: Any) -> Any:
    """A value fit to be shown and to be written as JSON; of a secret address only the password is hidden."""
    info = catalogue.find(key)
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if info is not None and info.secret and text not in (None, "", {}):
        return hide_password(text) if info.address else REDACTED
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [redacted(key, each) for each in value]
    return value


def hide_password(address: str) -> str:
    """A web or database address without what logs in."""
    return _QUERY_SECRET.sub(rf"\1{REDACTED}", _PASSWORD.sub(rf"\1{REDACTED}@", address))


def find_value(tree: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key of nested mappings, or None."""
    found: Any = tree
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def nested(key: str, value: Any) -> dict[str, Any]:
    """`{"a": {"b": value}}` from `a.b`."""
    first, dot, rest = key.partition(".")
    return {first: nested(rest, value) if dot else value}


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The two nested mappings as one; where both have a value, `over` wins."""
    result = dict(under)
    for name, value in over.items():
        below = result.get(name)
        result[name] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def absorb(under: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Merge `over` into `under`, which is changed; where both have a value, `over` wins."""
    for name, value in over.items():
        below = under.get(name)
        if isinstance(below, dict) and isinstance(value, Mapping):
            absorb(below, value)
        else:
            under[name] = dict(value) if isinstance(value, Mapping) else value


def without(tree: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The nested mapping without what is at a dotted key."""
    first, dot, rest = key.partition(".")
    kept = {name: value for name, value in tree.items() if name != first or dot}
    if dot and isinstance(kept.get(first), Mapping):
        kept[first] = without(kept[first], rest)
    return kept


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    prefix = f"{key}." if key else ""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves(getattr(value, name), f"{prefix}{name}")
    elif isinstance(value, Mapping):
        for name, below in value.items():
            yield from _leaves(below, f"{prefix}{name}")
    else:
        yield key, value
