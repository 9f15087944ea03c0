"""Profiles: list them, drain one, let its sessions start again."""

from __future__ import annotations

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.sessions import DEFAULT_DEADLINE_S, Deadline
from engine.operations.operation import NoArguments, Operation


class ProfileRow(msgspec.Struct, kw_only=True):
    """One profile with the number of its sessions; `note` states what keeps requests from it."""

    name: str
    tenant: str
    model: str | None
    warm: int
    note: str
    sessions: int


class ProfilesResult(msgspec.Struct, kw_only=True):
    """All profiles."""

    profiles: list[ProfileRow]


class DrainProfile(msgspec.Struct, kw_only=True, frozen=True):
    """A profile whose sessions end, and the seconds that running turns get."""

    name: str
    deadline: Deadline = DEFAULT_DEADLINE_S


class DrainedProfile(msgspec.Struct, kw_only=True):
    """A profile and the number of its sessions that ended."""

    profile: str
    sessions: int


class Drained(msgspec.Struct, kw_only=True):
    """What was drained."""

    drained: DrainedProfile


class ProfileName(msgspec.Struct, kw_only=True, frozen=True):
    """One profile."""

    name: str


class Resumed(msgspec.Struct, kw_only=True):
    """The profile whose sessions may start again."""

    resumed: str


LIST_PROFILES = Operation(
    "profiles.list",
    "GET /api/profiles",
    NoArguments,
    ProfilesResult,
    "List the profiles with the number of their sessions.",
    columns=("name", "tenant", "model", "warm", "sessions", "note"),
    examples=("quarterdeck profiles --json",),
)
DRAIN_PROFILE = Operation(
    "profiles.drain",
    "POST /api/profiles/{name}/drain",
    DrainProfile,
    Drained,
    "Start no more sessions of a profile, and end those that run with their turns.",
    Scope.OPERATOR,
    duration="deadline",
    sentence="{name}: {drained.sessions} sessions ended.",
    examples=("quarterdeck profiles drain default --deadline 30",),
)
RESUME_PROFILE = Operation(
    "profiles.resume",
    "POST /api/profiles/{name}/resume",
    ProfileName,
    Resumed,
    "Let a drained profile's sessions start again.",
    Scope.OPERATOR,
    sentence="{name}: sessions start again.",
    examples=("quarterdeck profiles resume default",),
)
