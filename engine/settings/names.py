"""The environment names that users know: name → key, and what `.env.example` says of it; and keys of before."""

from __future__ import annotations

AUTO_ACCEPT = "CLAUDE_AUTO_ACCEPT"
NAMES: dict[str, tuple[str, str]] = {
    "ANTHROPIC_API_KEY": ("credential.api_key", "API key of the Anthropic API"),
    "ANTHROPIC_AUTH_TOKEN": ("credential.auth_token", "bearer token for a gateway"),
    "CLAUDE_CODE_OAUTH_TOKEN": ("credential.oauth_token", "long-lived token from `claude setup-token`"),
    "ANTHROPIC_BASE_URL": ("credential.base_url", "address of the Messages API or of a gateway"),
    "CLAUDE_MODEL": ("claude.model", "model of new sessions"),
    "CLAUDE_MAX_TOKENS": ("claude.max_tokens", "most tokens in one reply"),
    AUTO_ACCEPT: ("claude.permission_mode", "true lets agents edit files without asking"),
    "DATABASE_URL": ("database.url", "file:./dev.db, sqlite:///…, postgres://… or postgresql://…"),
    "PORT": ("api.port", "TCP port of the API; without it only the local socket is open"),
    "OUTPUT_DIRECTORY": ("engine.output_directory", "where tasks get their workspaces"),
    "ENCRYPTION_KEY": ("security.encryption_key", "64 hex digits, as `openssl rand -hex 32` prints"),
    "GITHUB_TOKEN": ("security.github_token", "passed to agents only where a profile allows it"),
}

RENAMED: dict[str, str] = {"console.skin": "console.theme"}
"""Keys of earlier versions, which are still read: old → new."""
