"""What machines ask: alive, ready, metrics."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api.serving import LONG, Served, serving
from tests.support.processes import until
from tests.support.promlint import lint


async def samples(served: Served) -> dict[str, float]:
    """Every sample of the metrics by name and labels, read by Prometheus's own parser."""
    response = await served.http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(response.text))
    assert all(family.documentation for family in families)
    return {
        "".join([sample.name, *(f"{{{key}={value}}}" for key, value in sample.labels.items())]): sample.value
        for family in families
        for sample in family.samples
    }


async def readiness(served: Served) -> tuple[int, bool, list[str]]:
    """Status, verdict and reasons."""
    response = await served.http.get("/readyz")
    body = response.json()
    return response.status_code, body["ready"], body["reasons"]


async def test_a_healthy_engine_is_alive_and_ready(served: Served) -> None:
    alive = await served.http.get("/healthz")
    facts = {"engine": served.engine.id, "pid": os.getpid(), "headless": False, "consoles": 0}
    assert (alive.status_code, alive.json()) == (200, {"status": "alive", **facts})
    assert await readiness(served) == (200, True, [])


async def test_a_draining_engine_is_alive_but_not_ready_and_takes_no_prompt(home: Path) -> None:
    async with serving(home, "engine.grace=20s") as served:
        turn = asyncio.create_task(served.ask("[[words: 5]] [[delay: 300ms]]", id="last"))
        await until(lambda: served.engine.pool.statistics().active == 1)
        drain = asyncio.create_task(served.engine.drain("test"))
        await until(lambda: served.engine.phase == "draining")
        assert await readiness(served) == (503, False, ["the engine is draining"])
        assert (await served.http.get("/healthz")).status_code == 200
        for way in ({}, {"stream": True}, {"wait": False}):
            refusal = await served.refusal("POST", "/api/prompts", {"prompt": "x", **way})
            assert refusal == (503, "overloaded", None)
        assert (await turn)["request"] == "last"
        await drain


async def test_an_open_breaker_makes_the_engine_unready(home: Path) -> None:
    async with serving(home, "circuit_breaker.failure_threshold=1", "retry.max_attempts=1") as served:
        await served.refusal("POST", "/api/prompts", {"prompt": "[[fault: http500]]"})
        assert await readiness(served) == (503, False, ["the breaker model:default is open"])


async def test_the_metrics_count_what_happened(served: Served) -> None:
    before = await samples(served)
    assert (before["session_pool_size"], before["websocket_connections_active"]) == (0, 0)
    answer = await served.ask("hello")
    await served.refusal("POST", "/api/prompts", {"prompt": "[[fault: http401_invalid_key]]"})
    after = await samples(served)
    assert after["session_pool_size"] == 1
    assert after["quarterdeck_requests_total"] == 2
    assert after["quarterdeck_requests_answered_total"] == 1
    assert after["quarterdeck_requests_failed_total"] == 1
    assert after["quarterdeck_errors_total{type=auth}"] == 1
    assert after["quarterdeck_tokens_out_total"] >= answer["tokens_out"] > 0
    assert before.keys() < after.keys()


async def test_the_metrics_tell_of_the_queue_and_the_cache(served: Served) -> None:
    for _ in range(2):
        await served.ask("same", cacheable=True)
    found = await samples(served)
    assert found["quarterdeck_cache_hits_total{level=1}"] == 1
    assert found["quarterdeck_cache_entries{level=1}"] == 1
    assert found["quarterdeck_queue_waiting{priority=urgent}"] == 0
    assert found["quarterdeck_queue_dropped_total{cause=full}"] == 0
    assert found["quarterdeck_concurrency_running{limit=credential:default model:default}"] == 0
    assert found["quarterdeck_gc_collections_total{generation=2}"] >= 0


async def test_the_sessions_in_a_turn_are_counted(served: Served) -> None:
    await served.data("POST", "/api/prompts", {"prompt": LONG, "wait": False}, 202)
    await until(lambda: served.engine.pool.statistics().active == 1)
    found = await samples(served)
    assert (found["quarterdeck_sessions_leased"], found["quarterdeck_sessions_idle"]) == (1, 0)
    assert found["quarterdeck_pool_utilisation_ratio"] == 1.0


async def test_the_metrics_are_as_promtool_wants_them(served: Served) -> None:
    await served.ask("one")
    await served.refusal("POST", "/api/prompts", {"prompt": "[[fault: http401_invalid_key]]"})
    assert lint((await served.http.get("/metrics")).text) == []


async def test_promtool_itself_takes_the_metrics(served: Served) -> None:
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("no promtool on this machine")
    await served.ask("one")
    text = (await served.http.get("/metrics")).text.encode()
    process = await asyncio.create_subprocess_exec(promtool, "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    said, _ = await process.communicate(text)
    assert (process.returncode, said.decode()) == (0, "")


def test_the_linter_knows_what_promtool_knows() -> None:
    bad = (
        "# HELP a_count x\n# TYPE a_count gauge\na_count 1\n"
        "# HELP b_milliseconds x\n# TYPE b_milliseconds gauge\nb_milliseconds 1\n"
        '# HELP c x\n# TYPE c gauge\nc{quantile="0.5"} 1\n'
        "# HELP d_percent x\n# TYPE d_percent gauge\nd_percent 1\n"
        "# TYPE e gauge\ne 1\n"
    )
    assert {fault.partition(":")[0] for fault in lint(bad)} == {"a_count", "b_milliseconds", "c", "d_percent", "e"}


async def test_every_chore_has_its_age_duration_and_failures(served: Served) -> None:
    await until(lambda: served.engine.maintenance.rounds > 0)
    found = await samples(served)
    for chore in served.engine.maintenance.chores:
        assert found[f"quarterdeck_chore_age_seconds{{chore={chore.name}}}"] >= 0
        assert found[f"quarterdeck_chore_duration_seconds{{chore={chore.name}}}"] >= 0
        assert found[f"quarterdeck_chore_failures_total{{chore={chore.name}}}"] == 0
    assert found["quarterdeck_listener_failures_total"] == 0
