"""Which backend an engine runs, and what to tell the operator about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from engine.backends.base import SIMULATOR
from engine.backends.binary import find_claude
from engine.backends.credential import Credential
from engine.base.errors import BackendMissing
from engine.settings.schema import Settings

BUILT_IN = frozenset({"auto", "claude", "simulator"})
NO_CLI = "no Claude Code CLI on this machine"
NO_CREDENTIALS = "no API key and no `claude login`"


@dataclass(frozen=True, slots=True)
class BackendSelection:
    """The decision: `backend`, with the CLI's path; `banner` states why it is not the real thing.

    `missing` states what a real backend lacks on this machine, empty for nothing.
    """

    backend: str
    binary: Path | None
    offline: bool
    demo: bool
    banner: str
    missing: str = ""

    @property
    def simulated(self) -> bool:
        """Whether answers are made up."""
        return self.backend == SIMULATOR


def choose(settings: Settings, config_dir: Path, *, interactive: bool) -> BackendSelection:
    """Decide from the settings and this machine.

    Only where somebody looks on (`interactive`) does the simulator stand in for a CLI or a login that is missing, and
    is a CLI that was asked for and is missing an error at once: BackendMissing. Headless, the engine is up, not ready.
    """
    wanted = settings.engine.backend
    if wanted not in BUILT_IN:
        return BackendSelection(wanted, None, False, settings.engine.demo == "on", "")
    binary = find_claude(settings.claude.binary or None) if wanted != "simulator" else None
    offline = settings.engine.offline
    if binary is None and not interactive and wanted != SIMULATOR:
        if settings.claude.binary:
            return _real(settings, binary, offline=offline)
        return BackendSelection("claude", None, offline, settings.engine.demo == "on", "", NO_CLI)
    if wanted == "claude" or offline:
        return _real(settings, binary, offline=offline)
    if wanted == "simulator":
        return _simulated(settings, "simulator", auto=False)
    if binary is None:
        return _simulated(settings, NO_CLI, auto=True)
    if interactive and not signed_in(credential_of(settings), config_dir):
        return _simulated(settings, NO_CREDENTIALS, auto=True)
    return BackendSelection("claude", binary, False, settings.engine.demo == "on", "")


def credential_of(settings: Settings) -> Credential:
    """The credential that the settings hold, in the clear: for a child's environment only."""
    given = settings.credential
    return Credential(
        api_key=given.api_key.get_secret_value() if given.api_key else "",
        auth_token=given.auth_token.get_secret_value() if given.auth_token else "",
        oauth_token=given.oauth_token.get_secret_value() if given.oauth_token else "",
        base_url=given.base_url,
    )


def named_binary(settings: Settings) -> Path:
    """The CLI that `claude.binary` names, or the one that is found when it is empty. Raises BackendMissing."""
    binary = find_claude(settings.claude.binary or None)
    if binary is None:
        raise _missing(settings)
    return binary


def signed_in(credential: Credential, config_dir: Path) -> bool:
    """Whether the CLI would find a key, a token, a helper or a login."""
    if credential.api_key or credential.auth_token or credential.oauth_token:
        return True
    if (config_dir / ".credentials.json").is_file():
        return True
    if _has_key(config_dir / "settings.json", "apiKeyHelper"):
        return True
    return any(
        _has_key(path, "oauthAccount") for path in (config_dir / ".claude.json", config_dir.parent / ".claude.json")
    )


def _real(settings: Settings, binary: Path | None, *, offline: bool) -> BackendSelection:
    if binary is None:
        raise _missing(settings)
    banner = "offline model: no request leaves this machine" if offline else ""
    return BackendSelection("claude", binary, offline, settings.engine.demo == "on", banner)


def _missing(settings: Settings) -> BackendMissing:
    named = f"at {settings.claude.binary}" if settings.claude.binary else "on PATH"
    return BackendMissing(
        f"There is no Claude Code CLI {named}.",
        remedy="Install it with `pip install 'quarterdeck[claude]'`, set `claude.binary`, or use the simulator.",
    )


def _simulated(settings: Settings, why: str, *, auto: bool) -> BackendSelection:
    demo = settings.engine.demo == "on" or (auto and settings.engine.demo == "auto")
    cause = f": {why}" if auto else ""
    traffic = ", demo traffic" if demo else ""
    return BackendSelection("simulator", None, False, demo, f"SIMULATOR{cause}{traffic}")


def _has_key(path: Path, key: str) -> bool:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and bool(found.get(key))
