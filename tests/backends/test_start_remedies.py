"""The remedy for a start that failed names what the agent complained about."""

from __future__ import annotations

import pytest

from engine.backends.startable import start_remedy


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("error: unknown option '--bogus'", "`--bogus`"),
        ("error: unknown option '--bogus=1'", "`--bogus`"),
        ("error: option '--max-turns <turns>' argument 'x' is invalid. must be a number", "`--max-turns`"),
        ("error: option '--fallback-model' is not modelled by the simulator", "`--fallback-model`"),
        ("Error: --session-id with --continue or --resume also needs --fork-session.", "`--session-id`"),
        ("error: MCP server 'files' (stdio) is not modelled by the simulator", "`files`"),
        ("Segmentation fault", "`quarterdeck doctor`"),
        ("", "`quarterdeck doctor`"),
    ],
)
def test_the_remedy_names_it(said: str, named: str) -> None:
    assert named in start_remedy(said)
