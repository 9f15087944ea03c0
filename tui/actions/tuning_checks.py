"""Whether the engine would take what is staged; the refusals are kept at the fields."""

from __future__ import annotations

from engine.base.errors import QuarterdeckError
from engine.operations.declared.config import CHECK_SETTINGS, ChangeSettings
from tui.feeds.base import Feed
from tui.model.tuning import Tuning


async def explain(tuning: Tuning, key: str, feed: Feed | None) -> str:
    """Ask whether one proposal would be taken; the refusal, empty when it would be.

    A proposal that is another one when the answer comes is left to the question about that.
    """
    problem, asked = "", tuning.staged.get(key)
    if key in tuning.staged and not (problem := tuning.problem_of(key)) and feed is not None:
        try:
            await feed.send(CHECK_SETTINGS, ChangeSettings(changes=dict(tuning.proposal([key]))))
        except QuarterdeckError as error:
            problem = error.message
    now = tuning.staged.get(key)
    if asked is not None and now is not None and asked.text == now.text:
        tuning.refuse(key, problem)
    return problem


async def taken_together(tuning: Tuning, feed: Feed) -> bool:
    """Whether all that is staged would be taken as one, though a value alone may be refused."""
    whole = ""
    if not any(tuning.problem_of(key) for key in tuning.staged):
        try:
            await feed.send(CHECK_SETTINGS, ChangeSettings(changes=dict(tuning.proposal())))
        except QuarterdeckError as error:
            whole = error.message
        else:
            for key in tuning.staged:
                tuning.refuse(key, "")
            return True
    for key in list(tuning.staged):
        await explain(tuning, key, feed)
    if whole and not tuning.problems:
        tuning.refuse(next(iter(tuning.staged)), whole)
    return False
