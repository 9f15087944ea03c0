"""How this program starts itself again: never with the current folder in front of the modules that it imports."""

from __future__ import annotations

import sys


def python_module(module: str) -> tuple[str, ...]:
    """The start of a command line that runs a module of ours; a `click.py` in the current folder is not imported."""
    return (sys.executable, "-P", "-m", module)
