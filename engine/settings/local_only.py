"""Settings that run programs or choose where credentials go: they change over the local socket, never with a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.base.errors import Forbidden
from engine.settings import catalogue


class LocalOnly(Forbidden):
    """A caller with a token wanted to change what runs on this machine."""

    code = "local_only"


_CHANGED = "Change it on that machine: `quarterdeck config set`, there or through `ssh`; or in the file."
_SAVED = "Save it on that machine: `quarterdeck config save`, there or through `ssh`; or write it into the file."


def check_remote(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raises LocalOnly when the change from `old` to `new`, raw values by dotted key, may be made locally alone."""
    if refused := local_changes(old, new):
        raise _refusal(refused, "change", _CHANGED)


def check_remote_save(keys: list[str]) -> None:
    """Raises LocalOnly for keys, as `local_changes` found them, that a caller with a token named to be saved."""
    if keys:
        raise _refusal(keys, "save", _SAVED)


def local_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The keys that the change from `old` to `new`, raw values by dotted key, sets and that are set locally alone."""
    return [key for key in {**old, **new} if _acts(key, old, new)]


def _refusal(keys: list[str], act: str, remedy: str) -> LocalOnly:
    names = ", ".join(keys[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
    return LocalOnly(
        f"{names}: this decides what runs on the engine's machine, or where its credential is sent, so a token may "
        f"not {act} it.",
        field=keys[0],
        remedy=remedy,
    )


def _acts(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    info = catalogue.find(key)
    if info is None:
        return False
    if key not in new:  # a variable that goes; a profile that goes with all its variables runs nothing
        return catalogue.is_variable(key) and info.local_only and _profile_of(key) in map(_profile_of, new)
    before = old.get(key, None if catalogue.is_variable(key) else info.default)
    if new[key] == before:
        return False
    return info.local_only or (_may_name_code(key, info) and ":" in str(new[key]))


def _may_name_code(key: str, info: catalogue.Setting) -> bool:
    """Whether a value such as `module:Class` imports code; names of what is installed may be chosen from anywhere."""
    return info.extensible or catalogue.general(key) in catalogue.OPEN_NAMES


def _profile_of(key: str) -> str:
    return ".".join(key.split(".")[:2])
