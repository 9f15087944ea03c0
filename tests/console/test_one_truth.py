"""At one moment, every screen, the API and the metrics give the same numbers."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from engine.events.indicators import indicators
from engine.events.state import State
from tests.api.serving import LONG, Served, serving
from tests.support.console import plain
from tests.support.processes import until
from tui.model import timeline
from tui.model.trends import measure
from tui.render import formats
from tui.render.spans import Line
from tui.screens import overview_lines, profile_lines, queue_lines, recovery_lines
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


async def test_the_profile_screen_the_api_and_the_metrics_give_the_same_indicators(tmp_path: Path) -> None:
    async with serving(tmp_path, *QUICK, "cache.enabled=true") as served:
        await some_of_each(served)
        for _ in range(2):
            await served.ask("three", cacheable=True)
        mailbox = served.engine.bus.subscribe()  # somebody follows, so that each second is published
        state = served.engine.bus.state
        differ = ["nothing was read"]
        for _ in range(10):
            rounds = served.engine.maintenance.rounds
            await until(lambda rounds=rounds: served.engine.maintenance.rounds > rounds)  # type: ignore[misc]
            reading = served.engine.performance.latest
            if state.performance.reading is reading:
                differ = await _indicators(served)
                if served.engine.performance.latest is reading and not differ:
                    break
        mailbox.close()
        assert differ == []
        assert indicators(state, reading).requests >= 3


async def _indicators(served: Served) -> list[str]:
    """What the Profile screen says differently from the API and the metrics."""
    state, now = served.engine.bus.state, served.engine.clock.wall()
    row = (await read(served, "/api/performance"))["performance"]
    text = (await served.http.get("/metrics")).text
    found = indicators(state, state.performance.reading)
    shown = dict(profile_lines.engine_facts(found, now - state.engine.started_at, whole=True))
    shown["gen2"] = shown["gen2"].split()[0]
    drawn = " ".join(plain(line) for line in profile_lines.breakdown(found, 100, 6))
    shown |= {name: f"{figure}" for name, figure in re.findall(r"(\w+) +█* +(\d\.\d{3}) s", drawn)}
    metrics = dict(re.findall(r"^([\w{}=\",]+) ([0-9.e+-]+)$", text, re.MULTILINE))
    differ = [
        f"{name}: {shown.get(name)} on the screen, {value} by the API"
        for name, value in _facts_of(row).items()
        if shown.get(name) != value
    ]
    differ += [
        f"{name}: {metrics.get(name)} as a metric, {value} by the API"
        for name, value in _metrics_of(row).items()
        if float(metrics.get(name, "nan")) != value
    ]
    return differ


def _facts_of(row: Any) -> dict[str, str]:
    """What the screen has to say of the API's figures."""
    oldest, youngest = row["garbage"][2], row["garbage"][0]
    stages = {"first_token": "token", "tools": "run", "queue": "wait"}
    return {
        "cpu": f"{row['cpu']:.0f}%",
        "rss": formats.size(row["memory"]),
        "fds": formats.count(row["descriptors"]),
        "threads": str(row["threads"]),
        "events": f"{row['events']:.0f}/s",
        "drops": formats.count(row["events_dropped"]),
        "cache": f"{row['hit_rate']:.0%} in {row['hit_time'] * 1e6:.0f}us",
        "wait p95": formats.took(row["wait_p95"]),
        "gen0": f"{formats.count(youngest['runs'])} runs, {youngest['seconds']:.1f}s",
        "gen2": str(oldest["runs"]) if oldest["runs"] else "no",
        "blocks": f"{formats.count(row['blocks'])} {row['block_growth']:+.0f}/s",
        "dropped": formats.count(row["queue_dropped"]),
        "refused": formats.count(row["refused"]),
        "lowered limits": str(row["limits_lowered"]),
        **{
            stages.get(each["name"], each["name"]): f"{each['seconds']:.3f}"
            for each in row["stages"]
            if each["name"] != "people"
        },
    }


def _metrics_of(row: Any) -> dict[str, float]:
    """What the metrics have to say of the API's figures."""
    return {
        'quarterdeck_loop_lag_seconds{percentile="50"}': row["lag_p50"],
        'quarterdeck_loop_lag_seconds{percentile="99"}': row["lag_p99"],
        "quarterdeck_engine_threads": row["threads"],
        "quarterdeck_engine_descriptors": row["descriptors"],
        "quarterdeck_engine_allocated_blocks": row["blocks"],
        "quarterdeck_events_dropped_total": row["events_dropped"],
        "quarterdeck_concurrency_limits_lowered": row["limits_lowered"],
        'quarterdeck_gc_collections_total{generation="2"}': row["garbage"][2]["runs"],
        'quarterdeck_gc_seconds_total{generation="0"}': row["garbage"][0]["seconds"],
        **{f'quarterdeck_request_stage_seconds{{stage="{each["name"]}"}}': each["seconds"] for each in row["stages"]},
    }


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
