"""Profiles: which there are, and whether their sessions may start."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from engine.backends.base import Profile
from engine.backends.directories import allowed_directory
from engine.backends.profiles import profile_note
from engine.base.errors import NotFound
from engine.operations.declared.profiles import (
    DRAIN_PROFILE,
    LIST_FILES,
    LIST_PROFILES,
    RESUME_PROFILE,
    Drained,
    DrainedProfile,
    DrainProfile,
    FilesResult,
    ListFiles,
    ProfileName,
    ProfileRow,
    ProfilesResult,
    Resumed,
)
from engine.operations.handlers.binding import CallContext, handles
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments
from engine.operations.workspace_files import find_files


@handles(LIST_PROFILES)
async def list_profiles(services: Services, _call: CallContext, _args: NoArguments) -> ProfilesResult:
    """Every profile with the number of its sessions."""
    sessions = Counter(member.request.profile.name for member in services.pool.members.values())
    return ProfilesResult(
        profiles=[
            ProfileRow(
                name=name,
                tenant=given.tenant,
                model=given.model,
                warm=given.warm,
                note=profile_note(given.tenant),
                sessions=sessions[name],
                workspace=str(given.workspace or ""),
                directories=[str(each) for each in given.directories],
            )
            for name, given in services.settings.profiles.items()
        ]
    )


@handles(DRAIN_PROFILE)
async def drain(services: Services, _call: CallContext, args: DrainProfile) -> Drained:
    """Start none of a profile's sessions and end those that run. Raises NotFound."""
    ended = await services.pool.drain_profile(_profile(services, args.name), "its profile is drained", args.deadline)
    return Drained(drained=DrainedProfile(profile=args.name, sessions=ended))


@handles(RESUME_PROFILE)
async def resume(services: Services, _call: CallContext, args: ProfileName) -> Resumed:
    """A drained profile's sessions may start again. Raises NotFound."""
    services.pool.resume_profile(_profile(services, args.name))
    return Resumed(resumed=args.name)


@handles(LIST_FILES)
async def list_files(services: Services, call: CallContext, args: ListFiles) -> FilesResult:
    """Those of the directory that the prompt would work in. Raises NotFound, BadInput, Forbidden, StoreUnusable."""
    directory = _directory(services, call, args)
    if directory is None:
        return FilesResult(directory="", files=[], more=False)
    found = await asyncio.to_thread(find_files, directory, args.q, args.limit, services.clock.monotonic)
    return FilesResult(directory=str(directory), files=found.files, more=found.more)


def _directory(services: Services, call: CallContext, args: ListFiles) -> Path | None:
    """Where the prompt would work; None for a new conversation that gets a directory of its own."""
    profile = services.profiles.find(args.name, call.caller.tenant)
    if args.cwd:
        return allowed_directory(profile, args.cwd)
    if not args.conversation:
        return profile.workspace
    tenant = call.caller.tenant
    known = services.conversations.summary(tenant, args.conversation)
    if known is None:
        remedy = "`quarterdeck conversations` lists those that are remembered."
        raise NotFound(f"There is no conversation {args.conversation}.", field="conversation", remedy=remedy)
    live = services.state.sessions.get(services.conversations.held_by().get((tenant, args.conversation), ""))
    if live is not None and live.cwd:
        return Path(live.cwd)
    return Path(known.directory) if known.directory else profile.workspace


def _profile(services: Services, name: str) -> Profile:
    found = services.profiles.known(name)
    if found is None:
        known = ", ".join(services.settings.profiles)
        raise NotFound(f"There is no profile {name!r}.", field="profile", remedy=f"Known ones: {known}.")
    return found
