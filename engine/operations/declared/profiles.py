"""Profiles: list them, drain one, let its sessions start again."""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.sessions import DEFAULT_DEADLINE_S, Deadline
from engine.operations.operation import NoArguments, Operation


class ProfileRow(msgspec.Struct, kw_only=True):
    """One profile with the number of its sessions; `note` states what keeps requests from it.

    `workspace` is where its sessions work, empty where each conversation has a directory of its own; `directories` are
    those that a request may name.
    """

    name: str
    tenant: str
    model: str | None
    warm: int
    note: str
    sessions: int
    workspace: str
    directories: list[str]


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


class ListFiles(msgspec.Struct, kw_only=True, frozen=True):
    """The files that fit `q` where a prompt would work: in `cwd`, in the conversation's directory or the workspace."""

    name: str
    q: Annotated[str, msgspec.Meta(max_length=200)] = ""
    cwd: str = ""
    conversation: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class FilesResult(msgspec.Struct, kw_only=True):
    """Paths below `directory`, the one that fits best first; `more` states that not all were looked at or are listed.

    Hidden files, those that git leaves out, and links that lead outside are never listed.
    """

    directory: str
    files: list[str]
    more: bool


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
LIST_FILES = Operation(
    "profiles.files",
    "GET /api/profiles/{name}/files",
    ListFiles,
    FilesResult,
    "List files that a prompt may mean, where it would work; hidden ones and those that git leaves out are not listed.",
    columns=("files",),
    examples=("quarterdeck profiles files default --q config",),
)
