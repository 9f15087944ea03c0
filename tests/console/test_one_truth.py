"""At one moment, every screen, the API and the metrics give the same numbers."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from engine.events.state import State
from tests.api.serving import LONG, Served, serving
from tests.support.console import plain
from tests.support.processes import until
from tui.model import timeline
from tui.model.trends import measure
from tui.render.spans import Line
from tui.screens import overview_lines, queue_lines, recovery_lines
from tui.screens.header import slots, tally_states

METRICS = {
    "requests": "quarterdeck_requests_total",
    "answered": "quarterdeck_requests_answered_total",
    "failed": "quarterdeck_requests_failed_total",
    "refused": "quarterdeck_requests_refused_total",
    "cancelled": "quarterdeck_requests_cancelled_total",
    "excused": "quarterdeck_requests_excused_total",
    "retries": "quarterdeck_retries_total",
    "cached": "quarterdeck_requests_cached_total",
}
QUICK = ("retry.base_delay=0s", "retry.max_delay=0s", "session_pool.min_size=1", "recovery.observe=true")


async def some_of_each(served: Served) -> None:
    """Requests that end in every way, and one that runs on."""
    await served.ask("one")
    await served.ask("two")
    assert (await served.refusal("POST", "/api/prompts", {"prompt": "[[fault: http401_invalid_key]]"}))[0] >= 400
    breaker = "/api/breakers/credential:default"
    await served.data("POST", breaker, {"act": "open"})
    assert (await served.refusal("POST", "/api/prompts", {"prompt": "refused"}))[0] == 503
    await served.data("POST", breaker, {"act": "close"})
    stopped = (await served.data("POST", "/api/prompts", {"prompt": LONG, "wait": False}, 202))["prompt"]["request"]
    await until(lambda: stopped in served.engine.dispatcher.active_requests)
    await until(lambda: any(row.request == stopped for row in served.engine.bus.state.sessions.values()))
    session = next(row.id for row in served.engine.bus.state.sessions.values() if row.request == stopped)
    await served.data("POST", f"/api/sessions/{session}/interrupt")
    await until(lambda: stopped not in served.engine.dispatcher.active_requests)
    await served.data("POST", "/api/prompts", {"prompt": LONG, "wait": False}, 202)
    await until(lambda: sum(bool(row.request) for row in served.engine.bus.state.sessions.values()) == 1)


async def read(served: Served, path: str) -> Any:
    return (await served.http.get(path)).json()["data"]


async def figures_of(served: Served) -> dict[str, float]:
    text = (await served.http.get("/metrics")).text
    return {name: float(value) for name, value in re.findall(r"^(\w+) ([0-9.e+-]+)$", text, re.MULTILINE)}


def facts(lines: list[Line]) -> dict[str, list[int]]:
    """The numbers of each line of a block, by its first word."""
    words = [plain(line).split() for line in lines]
    return {line[0]: [int(word) for word in line if word.isdecimal()] for line in words if line}


async def test_all_give_the_same_numbers_at_the_same_moment(tmp_path: Path) -> None:
    async with serving(tmp_path, *QUICK) as served:
        await some_of_each(served)
        state: State = served.engine.bus.state
        await until(lambda: state.pool is not None and state.pool.active == 1)
        await asyncio.sleep(0)
        totals, now = state.totals, served.engine.clock.wall()
        metrics, window = await figures_of(served), (await read(served, "/api/errors/statistics?window=24h"))
        figures = window["statistics"] if "statistics" in window else next(iter(window.values()))
        for name, metric in METRICS.items():
            assert metrics[metric] == getattr(totals, name), name
        for name in ("answered", "failed", "refused", "cancelled", "excused", "errors", "retries"):
            assert figures[name] == getattr(totals, name), name
        assert (totals.failed, totals.refused, totals.cancelled, totals.errors) == (1, 1, 1, 1)
        assert totals.requests == totals.answered + totals.failed + totals.refused + totals.cancelled + 1

        shown = facts(overview_lines.totals_block(state, now, 60))
        assert shown["requests"] == [totals.answered, totals.requests]
        assert shown["failed"] == [totals.failed, totals.refused, totals.cancelled]
        assert shown["errors"] == [totals.errors, totals.retries, totals.cached]
        assert measure(state.buckets, now, 1).errors.now == totals.errors  # all within the last minute
        assert sum(row.total for row in timeline.rows(state, now, 60)) == totals.errors == len(state.errors)
        assert (await read(served, "/api/errors"))["total"] == totals.errors

        # The pool may be scaled, and the breakers measured, between two of these reads.
        for _ in range(5):
            rounds = served.engine.maintenance.rounds
            if not (differ := await _differences(served)):
                break
            await until(lambda rounds=rounds: served.engine.maintenance.rounds > rounds)  # type: ignore[misc]
        assert differ == []


async def _differences(served: Served) -> list[str]:
    """What the screens and the API say differently of sessions, queue and breakers."""
    state, now = served.engine.bus.state, served.engine.clock.wall()
    pool, sessions = (await read(served, "/api/pool"))["pool"], (await read(served, "/api/sessions"))["sessions"]
    metrics, listed = await figures_of(served), (await read(served, "/api/breakers"))["breakers"]
    shown = {
        "size": len(state.sessions),
        "slots": int(slots(state).split("/")[0]),
        "states": sum(tally_states(state).values()),
        "busy": facts(overview_lines.pool_block(state, 60))["busy"][0],
        "running": facts(queue_lines.head(state, now, 100)[:1])["waiting"][1],
        "waiting": facts(queue_lines.head(state, now, 100)[:1])["waiting"][0],
        "cost": sum(row.cost for row in state.sessions.values()),
        "breakers": sorted(
            (row.name, row.state, row.failed, row.trips, row.shed) for row in recovery_lines.breakers_of(state)
        ),
    }
    told = {
        "size": pool["size"],
        "slots": metrics["session_pool_size"],
        "states": len(sessions),
        "busy": pool["active"],
        "running": metrics["quarterdeck_sessions_leased"],
        "waiting": pool["waiting"],
        "cost": sum(each["cost"] for each in sessions),
        "breakers": sorted(
            (each["name"], each["state"], each["failed"], each["trips"], each["shed"]) for each in listed
        ),
    }
    return [f"{name}: {shown[name]} on the screen, {told[name]} told" for name in shown if shown[name] != told[name]]
