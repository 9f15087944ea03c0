"""What to do about an agent that did not start, read from its own last words."""

from __future__ import annotations

import re

_OPTION = re.compile(r"(?:option|MCP server) '(-{0,2}[\w-]+)|(--[\w-]+)")
_GENERAL = "`quarterdeck doctor` checks the CLI and its login."


def start_remedy(said: str) -> str:
    """The remedy for a start that failed with these words; a complaint about a flag names the flag."""
    found = _OPTION.search(said)
    if found is None:
        return _GENERAL
    name = found[1] or found[2]
    if name.startswith("-"):
        return f"Take `{name}` out of `claude.extra_args`, or give it a value that this agent accepts."
    return f"Take the MCP server `{name}` out of `claude.extra_args`, or run it on the real CLI."
