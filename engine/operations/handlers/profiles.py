"""Profiles: which there are, and whether their sessions may start."""

from __future__ import annotations

from collections import Counter

from engine.backends.base import Profile
from engine.backends.profiles import profile_note
from engine.base.errors import NotFound
from engine.operations.declared.profiles import (
    DRAIN_PROFILE,
    LIST_PROFILES,
    RESUME_PROFILE,
    Drained,
    DrainedProfile,
    DrainProfile,
    ProfileName,
    ProfileRow,
    ProfilesResult,
    Resumed,
)
from engine.operations.handlers.binding import CallContext, handles
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments


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


def _profile(services: Services, name: str) -> Profile:
    found = services.profiles.known(name)
    if found is None:
        known = ", ".join(services.settings.profiles)
        raise NotFound(f"There is no profile {name!r}.", field="profile", remedy=f"Known ones: {known}.")
    return found
