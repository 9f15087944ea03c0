"""Which breakers a call of a profile passes: its credential's, and that of its endpoint and model."""

from __future__ import annotations

from engine.backends.base import Profile

CREDENTIAL_BREAKER = "credential:default"
"""The breaker of the credential in the settings, which all profiles share that have none of their own."""


def credential_key(profile: Profile) -> str:
    """The breaker of the profile's credential: a profile whose environment signs in by itself has one of its own."""
    return f"credential:{profile.credential}"


def model_key(profile: Profile) -> str:
    """The breaker of its endpoint and model: `model:MODEL`, with `@ENDPOINT` where its calls go somewhere else."""
    return profile.at_endpoint(f"model:{profile.model or 'default'}")


def is_of_one_profile(name: str) -> bool:
    """Whether a breaker keeps only those profiles from working that sign in by themselves."""
    return "@" in name or (name.startswith("credential:") and name != CREDENTIAL_BREAKER)


def breaker_keys(profile: Profile) -> list[str]:
    """The breakers that a call of this profile passes."""
    return [credential_key(profile), model_key(profile)]
