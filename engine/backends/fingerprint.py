"""The fingerprint of a profile: equal only when two agents of it would be started alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from engine.backends.base import Profile
from engine.settings.catalogue import catalogue
from engine.settings.schema import Settings

_RESOLVED = frozenset({"claude.model", "claude.permission_mode"})
"""Settings that a profile has its own value of."""


def fingerprint(profile: Profile, settings: Settings, credential: Mapping[str, str]) -> str:
    """A hash over all that reaches an agent; `credential` is what it signs in with, and is never shown."""
    content = {
        "backend": profile.backend,
        "model": profile.model,
        "permission mode": profile.permission_mode,
        "workspace": str(profile.workspace or ""),
        "environment": dict(profile.environment),
        "own home": profile.own_home,
        "settings": {name: getattr(settings.claude, name) for name in _of_agents()},
        "credential": dict(credential),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()


@cache
def _of_agents() -> tuple[str, ...]:
    """The names of the settings of Claude that only new sessions follow."""
    return tuple(
        setting.key.removeprefix("claude.")
        for setting in catalogue().values()
        if setting.group == "claude" and setting.restart == "sessions" and setting.key not in _RESOLVED
    )


def _plain(value: Any) -> str:
    return str(value)
