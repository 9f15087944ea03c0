"""Recoveries over HTTP: listed, counted, run by hand, refused by field, measured."""

from __future__ import annotations

from pathlib import Path

from tests.api.serving import Served, serving

PATH = "/api/recoveries"


async def test_a_recovery_by_hand_is_listed_newest_first_and_counted(served: Served) -> None:
    assert "\nerror_recovery_success_rate " not in (await served.http.get("/metrics")).text
    for strategy in ("clean_resources", "reduce_load"):
        body = {"strategy": strategy, "target": "engine"}
        assert (await served.data("POST", PATH, body, 201))["recovery"]["ok"] is True
    found = await served.data("GET", f"{PATH}?limit=1")
    assert [row["strategy"] for row in found["recoveries"]] == ["reduce_load"]
    assert (found["total"], found["cap"]) == (2, 7)
    rows = {row["strategy"]: row for row in found["strategies"]}
    assert (rows["clean_resources"]["runs"], rows["clean_resources"]["success_rate"]) == (1, 1.0)
    assert rows["park"]["runs"] == 0
    second = await served.data("GET", f"{PATH}?offset=1")
    assert [row["strategy"] for row in second["recoveries"]] == ["clean_resources"]
    metrics = (await served.http.get("/metrics")).text
    assert "\nerror_recovery_success_rate 1.0\n" in metrics
    assert 'quarterdeck_recoveries_total{result="helped",strategy="reduce_load"} 1.0' in metrics


async def test_what_cannot_be_run_is_refused_by_field(served: Served) -> None:
    assert await served.refusal("POST", PATH, {"strategy": "magic", "target": "engine"}) == (
        404,
        "not_found",
        "strategy",
    )
    body = {"strategy": "restart_process", "target": "engine"}
    assert await served.refusal("POST", PATH, body) == (400, "bad_input", "target")
    body = {"strategy": "restart_process", "target": "session:s9999"}
    assert await served.refusal("POST", PATH, body) == (404, "not_found", "session")
    assert await served.refusal("POST", PATH, {"strategy": "park"}) == (400, "bad_input", "target")
    assert (await served.data("GET", PATH))["recoveries"] == []


async def test_a_read_only_engine_recovers_nothing_by_hand(home: Path) -> None:
    async with serving(home, "engine.read_only=true") as served:
        body = {"strategy": "clean_resources", "target": "engine"}
        status, code, _ = await served.refusal("POST", PATH, body)
        assert (status, code) == (403, "forbidden")
