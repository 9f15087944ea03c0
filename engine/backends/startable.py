"""Whether a session of a profile could start now, as far as a look at the disk and the last refusals tell."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from engine.backends.base import Profile
from engine.base.clock import Clock
from engine.base.errors import ErrorKind, NotSignedIn
from engine.events.types import ErrorSeen, EventEnvelope, TurnEnded

REFUSED_S = 60.0
"""Time for which a refused credential keeps its profile from counting as able, unless a turn succeeds before."""


class Startable:
    """Owner of the refusals of credentials, by profile. `profile_of` names the profile of a session."""

    def __init__(self, binary: Callable[[], Path | None], profile_of: Callable[[str], str], clock: Clock) -> None:
        self._binary = binary
        self._profile_of = profile_of
        self._clock = clock
        self._refused: dict[str, float] = {}

    def follow(self, stamped: EventEnvelope) -> None:
        """Every event: a credential that is refused, and one that works again."""
        event = stamped.event
        if isinstance(event, ErrorSeen) and event.kind == ErrorKind.AUTH and event.code != NotSignedIn.code:
            self._refused[event.profile] = self._clock.monotonic()
        elif isinstance(event, TurnEnded) and event.ok:
            self._refused.pop(self._profile_of(event.session), None)

    def obstacles(self, profiles: Iterable[Profile]) -> list[str]:
        """Why sessions could not start, one reason for each profile that has one."""
        return [reason for profile in profiles if (reason := self.obstacle(profile))]

    def obstacle(self, profile: Profile) -> str:
        """Why no session of a profile could start now; empty for nothing."""
        return _of_workspace(profile) or self._of_binary(profile) or self._of_credential(profile)

    def _of_binary(self, profile: Profile) -> str:
        binary = self._binary() if profile.backend == "claude" else None
        if binary is None or os.access(binary, os.X_OK):
            return ""
        return f"the CLI of profile {profile.name}, {binary}, is gone or cannot be run"

    def _of_credential(self, profile: Profile) -> str:
        at = self._refused.get(profile.name)
        if at is None or self._clock.monotonic() - at > REFUSED_S:
            return ""
        return f"the API refused the credential of profile {profile.name}"


def _of_workspace(profile: Profile) -> str:
    workspace = profile.workspace
    if workspace is None:
        return ""
    try:
        there = workspace.is_dir()
    except OSError as error:
        return f"the workspace {workspace} of profile {profile.name} cannot be used: {error.strerror}"
    return "" if there else f"the workspace {workspace} of profile {profile.name} does not exist"


_OPTION = re.compile(r"(?:option|MCP server) '(-{0,2}[\w-]+)|(--[\w-]+)")
_GENERAL = "`quarterdeck doctor` checks the CLI and its login."


def start_remedy(said: str) -> str:
    """The remedy for a start that failed with these words; a complaint about a flag names the flag."""
    found = _OPTION.search(said)
    if found is None:
        return _GENERAL
    name = found[1] or found[2]
    if name.startswith("-"):
        return f"Take `{name}` out of `claude.extra_args`, or give it a value that this agent accepts."
    return f"Take the MCP server `{name}` out of `claude.extra_args`, or run it on the real CLI."
