"""Which breakers a call of a profile passes: its credential's, and that of its endpoint and model."""

from __future__ import annotations

from engine.backends.base import Profile

CREDENTIAL_BREAKER = "credential:default"
"""The breaker of the credential in the settings, which all profiles share that have none of their own."""
_OWN = frozenset({"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_BASE_URL"})


def credential_guard(profile: Profile) -> str:
    """The breaker of the profile's credential: a profile whose environment signs in by itself has one of its own."""
    return CREDENTIAL_BREAKER if _OWN.isdisjoint(profile.environment) else f"credential:{profile.name}"


def guards(profile: Profile) -> list[str]:
    """The breakers that a call of this profile passes."""
    return [credential_guard(profile), f"model:{profile.model or 'default'}"]
