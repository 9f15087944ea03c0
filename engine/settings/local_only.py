"""Settings that run programs or choose where credentials go: they change over the local socket, never with a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import Forbidden
from engine.settings import catalogue


class LocalOnly(Forbidden):
    """A caller with a token wanted to change what runs on this machine."""

    code = "local_only"


def check_remote(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raises LocalOnly when the change from `old` to `new`, raw values by dotted key, may be made locally alone."""
    refused = [key for key in {**old, **new} if _acts(key, old, new)]
    if refused:
        names = ", ".join(refused[:5]) + (f" and {len(refused) - 5} more" if len(refused) > 5 else "")
        raise LocalOnly(
            f"{names}: this decides what runs on the engine's machine, or where its credential is sent, so a token may "
            "not change it.",
            field=refused[0],
            remedy="Change it on that machine: `quarterdeck config set`, there or through `ssh`; or in the file.",
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
