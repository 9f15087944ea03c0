"""Whose turn is it: which result ends our turn, and which lines belong to a turn that the CLI began by itself. Pure.

A result names the prompts that it answers. One that names none ends our turn only while this process has named none so
far (an older CLI, a failed start) and the result gives no origin: see docs/sessions.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from engine.sessions.messages import Result


class Owner(Enum):
    """Whose a result is: our prompt's, the CLI's own turn's, or nobody's that we know."""

    OURS = "ours"
    FOREIGN = "foreign"
    STRAY = "stray"


class Attribution:
    """Owner of what is known of the turns on the wire: whether results are marked, and whether a foreign turn runs."""

    def __init__(self) -> None:
        self._marks = False
        self.foreign = False

    def of(self, prompts: Sequence[str], prompt: str | None, *, has_origin: bool) -> Owner:
        """Whose a result is, by the prompts that it names; `prompt` is the uuid of ours in flight, None without."""
        if prompts:
            self._marks = True
            return Owner.OURS if prompt in prompts else Owner.STRAY
        if has_origin or self.foreign:
            return Owner.FOREIGN
        return Owner.STRAY if self._marks or prompt is None else Owner.OURS

    def of_result(self, result: Result, prompt: str | None) -> Owner:
        """Whose a result is."""
        return self.of(result.prompts, prompt, has_origin=result.origin is not None)
