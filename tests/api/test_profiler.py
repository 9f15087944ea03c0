"""The profiler over HTTP: on and off live, read in every format, refused clearly."""

from __future__ import annotations

import json

import pytest

from engine.events.types import ProfilerStarted, ProfilerStopped
from tests.api.serving import Served
from tests.profiling.captures import working
from tests.support.processes import until


async def test_a_capture_is_started_stopped_and_read(served: Served) -> None:
    kinds = ["cpu", "memory", "tasks", "blocking"]
    shown = await served.data("POST", "/api/profiler/start", {"kinds": kinds, "rate": 250, "seconds": 60})
    assert (shown["profiler"]["running"], shown["profiler"]["kinds"]) == (True, kinds)
    with working():
        await served.ask("hello")
        await until(lambda: served.engine.profiler.status().samples >= 20)
    stopped = (await served.data("POST", "/api/profiler/stop"))["profiler"]
    assert (stopped["running"], stopped["problem"], len(stopped["files"])) == (False, "", 3)
    report = await served.data("GET", "/api/profiler/report")
    assert report["text"].startswith("# Profile")
    assert 1 <= len(report["advice"]) <= 3
    assert report["hot"]
    assert report["tasks"]
    scope = await served.data("GET", "/api/profiler/report?format=speedscope")
    assert json.loads(scope["text"])["profiles"]
    files = (await served.data("GET", "/api/profiler/files"))["files"]
    assert {each["name"] for each in files} == set(stopped["files"])
    (markdown,) = [each["name"] for each in files if each["name"].endswith(".md")]
    assert (await served.data("GET", f"/api/profiler/files/{markdown}"))["text"] == report["text"]
    events = [each.event for each in served.engine.bus.remembered]
    assert [each.kinds for each in events if isinstance(each, ProfilerStarted)] == [tuple(kinds)]
    assert [len(each.files) for each in events if isinstance(each, ProfilerStopped)] == [3]
    assert "CPU and memory of the sessions" in report["text"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rate": 1e9}, "rate"),
        ({"rate": 0}, "rate"),
        ({"rate": -5}, "rate"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": 1e6}, "seconds"),
        ({"kinds": ["gpu"]}, "kinds"),
        ({"kinds": []}, "kinds"),
        ({"kinds": "cpu"}, "kinds"),
    ],
)
async def test_bad_values_are_refused_with_their_field(served: Served, body: dict[str, object], field: str) -> None:
    status, code, named = await served.refusal("POST", "/api/profiler/start", body)
    assert (status, code, named.partition("[")[0]) == (400, "bad_input", field)
    assert not (await served.data("GET", "/api/profiler"))["profiler"]["running"]


async def test_twice_is_refused_and_the_folder_may_be_unwritable(served: Served) -> None:
    await served.data("POST", "/api/profiler/start")
    assert (await served.refusal("POST", "/api/profiler/start"))[0] == 400
    await served.data("POST", "/api/profiler/stop")
    assert await served.refusal("POST", "/api/profiler/stop") == (404, "not_found", None)


async def test_sample_rates_of_the_settings_are_bounded_too(served: Served) -> None:
    assert (await served.refusal("PATCH", "/api/config", {"profiler.sample_rate": 1e9}))[0] == 400
    await served.data("PATCH", "/api/config", {"profiler.sample_rate": 20})
    shown = (await served.data("POST", "/api/profiler/start"))["profiler"]
    assert shown["rate"] == 20
