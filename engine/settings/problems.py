"""What is wrong with the settings that were given, each in one sentence that never shows a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.base.text import nearest_name
from engine.settings import catalogue
from engine.settings.tree import find_value

HIDDEN = "(hidden)"
LONGEST_SHOWN = 80
_SENSITIVE = re.compile(r"^(credential|security|database)\b|key|token|secret|passw|environment|url", re.IGNORECASE)


def unknown(key: str, value: object, origin: str, *, hinted: bool = True) -> str:
    """The problem of a key that the schema does not have; looking for what was meant costs about 0.3 ms."""
    return f"{_given(key, value, origin)}: no such setting{catalogue.meant(key) if hinted else ''}."


def not_a_group(key: str, value: object, origin: str) -> str:
    """The problem of one value where a group of settings belongs."""
    some = [known for known in catalogue.catalogue() if known.startswith(f"{catalogue.general(key)}.")][:1]
    example = some[0].replace("*", key.rpartition(".")[2]) if some else f"{key}.NAME"
    return f"{_given(key, value, origin)}: this is a group; it takes settings below it such as {example}."


def dotted(key: str, value: object, origin: str) -> str:
    """The problem of a name with dots inside a file or a group."""
    return f"{_given(key, value, origin)}: names have no dots here; write one group below the other."


def of_validation(error: ValidationError, tree: Mapping[str, Any], origins: Mapping[str, str]) -> list[str]:
    """Every problem that pydantic found in `tree`, as sentences with the origin of each value."""
    return [one for details in error.errors(include_url=False) for one in _sentences(details, tree, origins)]


def clipped(text: str) -> str:
    """A text short enough for one line of a terminal."""
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _sentences(details: ErrorDetails, tree: Mapping[str, Any], origins: Mapping[str, str]) -> Iterator[str]:
    key = _key(details["loc"])
    if details["type"] == "conflict":
        context = details["ctx"]
        low, high = f"{key}.{context['low']}", f"{key}.{context['high']}"
        yield f"{_effective(low, tree, origins)} is {context['word']} {_effective(high, tree, origins)}."
        return
    value = find_value(tree, key)
    yield f"{_given(key, value, _origin(key, origins))}: {_wanted(key, value, details)}."


def _wanted(key: str, value: object, details: ErrorDetails) -> str:
    """What the setting takes, and the choice that a misspelt one is nearest to."""
    allowed = details["msg"].removeprefix("Value error, ")
    info = catalogue.find(key)
    if info is None:
        return f"it must be {allowed}"
    # A rule of its own (hex digits, an address) says more than the bare type does.
    exact = details["type"] == "value_error" and info.kind not in (int, float)
    wanted = f"it must be {allowed if exact else info.allowed}"
    near = nearest_name(str(value), info.choices, 0.5) if isinstance(value, str) else None
    return f"{wanted}; the nearest is {near}" if near else wanted


def _key(loc: tuple[int | str, ...]) -> str:
    """The dotted key of the setting or group that pydantic complains about, without positions inside its value."""
    parts = [str(part) for part in loc]
    while len(parts) > 1 and not (catalogue.find(".".join(parts)) or catalogue.is_group(".".join(parts))):
        parts.pop()
    return ".".join(parts)


def _effective(key: str, tree: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    info = catalogue.field_info(key)
    value = find_value(tree, key)
    return _given(key, info.default if value is None else value, _origin(key, origins))


def _origin(key: str, origins: Mapping[str, str]) -> str:
    below = (origin for name, origin in origins.items() if name.startswith(f"{key}."))
    return origins.get(key) or next(below, "default")


def _given(key: str, value: object, origin: str) -> str:
    return f"{key} = {_shown(key, value)} ({origin})"


def _shown(key: str, value: object) -> str:
    info = catalogue.find(key)
    if (info.secret if info else _SENSITIVE.search(key)) or isinstance(value, Mapping):
        return HIDDEN
    text = value if isinstance(value, str) and value else _plain(value, info)
    return clipped(text)


def _plain(value: object, info: catalogue.Setting | None) -> str:
    if info is not None and isinstance(value, (int, float, type(None))):
        return info.shown(value)
    return repr(value)
