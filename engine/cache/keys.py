"""What makes requests equal: tenant, prompt, content of the profile, and the files that its agents can read."""

from __future__ import annotations

import asyncio

from engine.backends.base import Profile
from engine.cache.workspace_digest import workspace_digest
from engine.requests import Request


async def cache_key(request: Request, profile: Profile) -> str:
    """Names a request among equal ones; empty for one whose answer is not cached."""
    if not request.cache_key(profile.fingerprint) or profile.workspace is None:
        return request.cache_key(profile.fingerprint)
    digest = await asyncio.to_thread(workspace_digest, profile.workspace)
    return request.cache_key(f"{profile.fingerprint} {digest}") if digest is not None else ""
