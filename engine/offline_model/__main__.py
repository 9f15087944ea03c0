"""`python -m engine.offline_model [SEED]`: the offline model in a process of its own, until its standard input ends."""

from __future__ import annotations

import asyncio
import sys

from engine.offline_model.server import OfflineModel


async def _serve(seed: int) -> None:
    async with OfflineModel(seed=seed) as model:
        sys.stdout.write(f"{model.url}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
