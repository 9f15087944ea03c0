"""Every setting by its dotted key: what it is, what it takes, and which key a wrong one probably meant."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from engine.base.errors import SettingsError
from engine.base.text import LONGEST
from engine.settings.fields import BYTES, SECONDS, SHARE_OR_BYTES, Group, OpenChoice
from engine.settings.quantities import format_duration, format_share_or_size, format_size
from engine.settings.schema import Profile, Settings

ANY_PROFILE = "profiles.*"
OPEN_NAMES = frozenset({"recovery.strategies"})
"""Settings below which any name may stand, each with a text, beside the environment of a profile."""
SCHEMA_REMEDY = "`quarterdeck config schema` lists every setting."
_MOST_BITS = 1000
_KINDS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    SecretStr: "text",
    Path: "a path",
    tuple: "a list of texts",
    dict: "names, each with a text",
}


_UNITS = {
    SECONDS: "a duration such as 30s, 5m or 1h",
    BYTES: "a size such as 512MiB or 1GB",
    SHARE_OR_BYTES: "a share up to 1, or a size such as 8GiB,",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as the schema declares it; minimum and maximum are in its unit, `restart` is empty when live."""

    key: str
    description: str
    kind: type
    default: Any
    unit: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    extensible: bool
    optional: bool
    restart: str
    secret: bool
    address: bool
    shown_default: str
    columns: tuple[str, ...]
    unused_before: str = ""
    local_only: bool = False

    @property
    def group(self) -> str:
        """The dotted name of the group it belongs to."""
        return self.key.rpartition(".")[0]

    @property
    def takes_text(self) -> bool:
        """Whether a bare word is meant as it is written, rather than as a number or a list."""
        return bool(self.choices) or self.kind in (str, SecretStr, Path)

    @property
    def applies(self) -> str:
        """`live`, `restart of …` with the part that a change restarts, or `not before …` while nothing reads it."""
        if self.unused_before:
            return f"not before {self.unused_before} lands"
        where = "; local socket only" if self.local_only and self.restart != "engine" else ""
        return (f"restart of {self.restart}" if self.restart else "live") + where

    @property
    def allowed(self) -> str:
        """What the setting takes, in words."""
        if self.choices:
            words = f"one of {', '.join(self.choices)}"
            words += ", an extension or module:Class" if self.extensible else ""
        elif self.columns:
            words = f"a list of rows with {', '.join(self.columns)}"
        else:
            words = _UNITS.get(self.unit, _KINDS[self.kind])
        if self.minimum is not None and self.maximum is not None:
            words += f" from {self.shown(self.minimum)} to {self.shown(self.maximum)}"
        return f"{words}, or empty" if self.optional else words

    def shown(self, value: Any) -> str:
        """A value of this setting as a person would write it."""
        return _shown(value, self.unit)


def field_info(key: str) -> Setting:
    """The declaration of the setting at a dotted key; SettingsError names the nearest key when there is none."""
    if (found := find(key)) is None:
        raise SettingsError([f"{key}: no such setting{meant(key)}."], remedy=SCHEMA_REMEDY, field=key)
    return found


def find(key: str) -> Setting | None:
    """The declaration at a dotted key, or None; any profile's name stands for `*`."""
    return catalogue().get(general(key))


def general(key: str) -> str:
    """The key without a name that one gives oneself, such as a profile's: `profiles.ci.model` → `profiles.*.model`."""
    parts = key.split(".")
    if parts[0] != "profiles" or len(parts) < 2:
        above = key.rpartition(".")[0]
        return above if above in OPEN_NAMES else key
    rest = [parts[2], *parts[4:]] if parts[2:3] == ["environment"] else parts[2:]
    return ".".join([ANY_PROFILE, *rest])


def is_group(key: str) -> bool:
    """Whether other keys live below this one."""
    if general(key) in {f"{ANY_PROFILE}.environment", *OPEN_NAMES}:
        return not is_variable(key)
    return key in ("", "profiles") or general(key) in groups()


def is_variable(key: str) -> bool:
    """Whether the key names one environment variable of a profile, or what stands below another open setting."""
    if general(key) in OPEN_NAMES:
        return key not in OPEN_NAMES
    return general(key) == f"{ANY_PROFILE}.environment" and key.count(".") == 3


@cache
def catalogue() -> dict[str, Setting]:
    """All settings by key, in the order of the schema; profiles stand under `profiles.*`."""
    return {found.key: found for found in _settings_of(Settings, "")}


@cache
def groups() -> dict[str, str]:
    """Dotted name → one-line description of every group."""
    return {name: (model.__doc__ or "").strip().splitlines()[0] for name, model in _groups_of(Settings, "")}


def nearest(key: str) -> str | None:
    """The valid key that a wrong one most probably meant, or None when nothing is near."""
    if len(key) > LONGEST:
        return None
    parts = key.split(".")
    name = parts[1] if parts[0] == "profiles" and len(parts) > 2 else "NAME"
    known = [valid.replace("*", name) for valid in [*catalogue(), *groups()]]
    if same_leaf := [valid for valid in known if valid.rpartition(".")[2] == parts[-1]]:
        return max(same_leaf, key=lambda valid: difflib.SequenceMatcher(None, key, valid).ratio())
    if close := difflib.get_close_matches(key, known, n=1, cutoff=0.6):
        return close[0]
    leaves = {valid.rpartition(".")[2]: valid for valid in reversed(known)}
    close = difflib.get_close_matches(parts[-1], leaves, n=1, cutoff=0.7)
    return leaves[close[0]] if close else None


def meant(key: str) -> str:
    """The end of a sentence about an unknown key."""
    if beside := _names_beside(key):
        return f"; known names there are {', '.join(beside)}"
    return f"; the nearest is {near}" if (near := nearest(key)) else "; nothing valid is near it"


def _names_beside(key: str) -> list[str]:
    """What could stand in the place of an unknown name in a group of groups, such as the types of `retry.by_type`."""
    above = key
    while above and above not in groups():
        above = above.rpartition(".")[0]
    below = {name.removeprefix(f"{above}.").partition(".")[0] for name in catalogue() if name.startswith(f"{above}.")}
    names = [name for name in groups() if name.rpartition(".")[0] == above]
    return [name.rpartition(".")[2] for name in names] if above and len(names) == len(below) else []


def _groups_of(model: type[Group], prefix: str) -> Iterator[tuple[str, type[Group]]]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        if key == "profiles":
            yield ANY_PROFILE, Profile
        elif isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            yield key, field.annotation
            yield from _groups_of(field.annotation, f"{key}.")


def _settings_of(model: type[Group], prefix: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        if key == "profiles":
            yield from _settings_of(Profile, f"{ANY_PROFILE}.")
        elif isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            yield from _settings_of(field.annotation, f"{key}.")
        else:
            yield _setting(key, field)


def _setting(key: str, field: FieldInfo) -> Setting:
    annotation, optional = _without_none(field.annotation)
    open_choice = next(
        (mark for mark in (*field.metadata, *get_args(annotation)) if isinstance(mark, OpenChoice)), None
    )
    choices = get_args(annotation) if get_origin(annotation) is Literal else (open_choice.names if open_choice else ())
    # The schema declares every field through `setting`, which always fills these.
    extra: dict[str, Any] = dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}
    default = field.get_default(call_default_factory=True)
    return Setting(
        key=key,
        description=field.description or "",
        kind=str if choices else _plain(annotation),
        default=default,
        unit=extra["unit"],
        minimum=_bound(field, "ge"),
        maximum=_bound(field, "le"),
        choices=choices,
        extensible=open_choice is not None,
        optional=optional,
        restart=extra["restart"],
        secret=extra["secret"],
        address=extra["address"],
        shown_default=extra["shown"] or _shown(default, extra["unit"]),
        columns=tuple(extra["columns"]),
        unused_before=extra["unused_before"],
        local_only=extra["local_only"],
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    arguments = get_args(annotation)
    if NoneType not in arguments:
        return annotation, False
    return next(one for one in arguments if one is not NoneType), True


def _plain(annotation: Any) -> type:
    """The bare type under `Annotated[…]` and `tuple[…]`."""
    while (origin := get_origin(annotation)) is not None:
        if isinstance(origin, type) and origin in (tuple, dict):
            return origin
        annotation = get_args(annotation)[0]
    plain: type = annotation
    return plain


def _bound(field: FieldInfo, name: str) -> float | None:
    return next((getattr(limit, name) for limit in field.metadata if hasattr(limit, name)), None)


def _is_writable(number: float) -> bool:
    """Whether a number can stand in a unit: it is finite, and a float can hold it."""
    return number.bit_length() <= _MOST_BITS if isinstance(number, int) else math.isfinite(number)


def _shown(value: Any, unit: str) -> str:
    if value is None or isinstance(value, bool):
        return {None: "empty", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        if not _is_writable(value):
            return str(value)
        if unit == SECONDS:
            return format_duration(value)
        if unit == SHARE_OR_BYTES:
            return format_share_or_size(value)
        return format_size(int(value)) if unit == BYTES else f"{value:.15g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return str(value) or "empty"
