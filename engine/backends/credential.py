"""What agents sign in with, and the profiles that sign in by themselves: what they bring and are not given."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

GATEWAY, LOGIN = "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR"
_CLOUDS = {
    "CLAUDE_CODE_USE_BEDROCK": "bedrock",
    "CLAUDE_CODE_USE_VERTEX": "vertex",
    "CLAUDE_CODE_USE_FOUNDRY": "foundry",
}
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", *_CLOUDS)
OWN = frozenset({*_KEYS, GATEWAY, LOGIN})
"""The variables by which a profile signs in by itself: a key, a token, a cloud, a gateway, a directory with a login."""
_ANTHROPIC = "api.anthropic.com"


@dataclass(frozen=True)
class Credential:
    """What a profile signs in with; all empty means the operator's own `claude login`.

    `ours` states that the engine supplies it itself, for the offline model.
    """

    api_key: str = ""
    auth_token: str = ""
    oauth_token: str = ""
    base_url: str = ""
    ours: bool = False

    def environment(self) -> dict[str, str]:
        """The variables that the CLI reads."""
        named = {
            "ANTHROPIC_API_KEY": self.api_key,
            "ANTHROPIC_AUTH_TOKEN": self.auth_token,
            "CLAUDE_CODE_OAUTH_TOKEN": self.oauth_token,
            "ANTHROPIC_BASE_URL": self.base_url,
        }
        return {name: value for name, value in named.items() if value}


def signs_in_by_itself(environment: Mapping[str, str]) -> bool:
    """Whether a profile with these variables brings a credential of its own, if only an empty one."""
    return not OWN.isdisjoint(environment)


def brings_key(environment: Mapping[str, str]) -> bool:
    """Whether these variables hold a key, a token or a cloud's credential."""
    return any(environment.get(name) for name in _KEYS)


def needs_own_home(environment: Mapping[str, str]) -> bool:
    """Whether the operator's login would be sent to another gateway: it is not where the agents can find it then."""
    return bool(environment.get(GATEWAY)) and not brings_key(environment) and not environment.get(LOGIN)


def credential_for(environment: Mapping[str, str], credential: Credential) -> Credential:
    """What an agent is given of the engine's credential: nothing, where its profile signs in by itself.

    The engine's own offline model is no secret: only a profile with a gateway of its own does without it.
    """
    if signs_in_by_itself(environment) and not (credential.ours and GATEWAY not in environment):
        return Credential()
    return credential


def endpoint_of(environment: Mapping[str, str], credential: Credential) -> str:
    """Where a profile's calls go, empty for where the settings' credential leads: host, port and a sign of the path."""
    own = environment.get(GATEWAY, "")
    if not signs_in_by_itself(environment) or (credential.ours and not own):
        return ""
    if cloud := next((cloud for name, cloud in _CLOUDS.items() if environment.get(name)), ""):
        return cloud
    there, usual = _place(own), _place(credential.base_url)
    return "" if there == usual else there


def _place(address: str) -> str:
    """Never the part of an address that holds a password."""
    if not address:
        return _ANTHROPIC
    try:
        parts = urlsplit(address)
    except ValueError:
        return _sign(address)
    host = parts.netloc.rpartition("@")[2].lower() or _sign(address)
    path = parts.path.strip("/")
    return f"{host}~{_sign(path)}" if path else host


def _sign(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
