"""What the process trees of the sessions took during a capture."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from engine.base.processes import all_stats, trees
from engine.launchers.tree_usage import TreeUsage, usage_of
from engine.profiling.capture import SessionUsage


async def read_trees(roots: Mapping[str, int]) -> dict[str, TreeUsage]:
    """The processes below each session's root, by its pid, read in a thread; nothing where /proc cannot be read."""
    try:
        return await asyncio.to_thread(_read, roots) if roots else {}
    except OSError:
        return {}


def taken(before: Mapping[str, TreeUsage], after: Mapping[str, TreeUsage]) -> tuple[SessionUsage, ...]:
    """What each session that still lives took; of one that began meanwhile all that it took."""
    return tuple(
        SessionUsage(
            name, max(0.0, tree.cpu - (before[name].cpu if name in before else 0.0)), tree.rss, len(tree.processes)
        )
        for name, tree in after.items()
    )


def _read(roots: Mapping[str, int]) -> dict[str, TreeUsage]:
    below = trees(roots.values(), all_stats())
    pids = {name: [root, *(each.pid for each in below[root])] for name, root in roots.items()}
    found = {name: tuple(use for pid in each if (use := usage_of(pid)) is not None) for name, each in pids.items()}
    return {name: TreeUsage(uses) for name, uses in found.items() if uses}
