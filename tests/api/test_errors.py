"""Errors over HTTP: listed with class and rule, their figures, and the correction of a class."""

from __future__ import annotations

from pathlib import Path

from tests.api.serving import Served, serving
from tests.api.test_probes import samples


async def fail(served: Served, fault: str, request: str) -> None:
    """A request that ends with an error."""
    await served.refusal("POST", "/api/prompts", {"prompt": f"[[fault: {fault}]]", "id": request})


async def test_errors_are_listed_newest_first_paged_and_by_type(home: Path) -> None:
    async with serving(home, "retry.max_attempts=2", "retry.base_delay=0s") as served:
        await fail(served, "http500", "r1")
        await fail(served, "http401_invalid_key", "r2")
        answer = await served.data("GET", "/api/errors")
        assert [row["id"] for row in answer["errors"]] == ["r2.1", "r1.2", "r1.1"]
        assert answer["total"] == 3
        first, last = answer["errors"][0], answer["errors"][-1]
        assert (first["type"], first["end"], first["request"], first["again"]) == ("auth", "failed", "r2", False)
        assert (last["rule"], last["attempt"], last["again"], last["profile"]) == ("server-error", 1, True, "default")
        page = await served.data("GET", "/api/errors?limit=1&offset=1")
        assert [row["id"] for row in page["errors"]] == ["r1.2"]
        chosen = await served.data("GET", "/api/errors?type=auth")
        assert ([row["id"] for row in chosen["errors"]], chosen["total"]) == (["r2.1"], 1)
        buckets = served.engine.bus.state.buckets
        counts = [bucket.errors_by_kind for bucket in buckets if bucket.errors_by_kind]
        assert sum(count.get("auth", 0) for count in counts) == 1
        assert sum(sum(count.values()) for count in counts) == 3


async def test_a_request_that_was_answered_after_all_marks_its_errors(home: Path) -> None:
    async with serving(home, "retry.base_delay=0s") as served:
        answer = await served.ask("[[fault: http500 x1]] hello", id="r1")
        rows = (await served.data("GET", "/api/errors"))["errors"]
        assert answer["attempts"] == 2
        assert [(row["id"], row["end"]) for row in rows] == [("r1.1", "answered")]
        found = (await served.data("GET", "/api/errors/statistics"))["statistics"]
        assert (found["recover"]["count"], found["retry_success"], found["availability"]) == (1, 1.0, 1.0)
        assert found["mttr"] == found["recover"]["mean"] > 0
        assert found["attempts"] == {"2": 1}
        metrics = await samples(served)
        assert metrics["quarterdeck_errors_total{type=" + rows[0]["type"] + "}"] == 1
        assert metrics["quarterdeck_retries_total"] == 1
        assert metrics["quarterdeck_availability_ratio{window=5m}"] == 1.0
        assert metrics["quarterdeck_recovery_seconds_count"] == 1
        assert metrics["quarterdeck_recovery_seconds_bucket{le=+Inf}"] == 1
        assert metrics["quarterdeck_mttr_seconds{window=24h}"] == metrics["quarterdeck_recovery_seconds_sum"] > 0
        assert metrics["quarterdeck_mtbf_seconds{window=1h}"] > 0


async def test_statistics_of_a_quiet_engine_say_that_nothing_happened(served: Served) -> None:
    found = (await served.data("GET", "/api/errors/statistics?window=24h"))["statistics"]
    assert (found["window"], found["errors"], found["availability"], found["mttr"]) == ("24h", 0, None, None)
    assert "quarterdeck_availability_ratio{window=5m}" not in await samples(served)


async def test_a_breakers_changes_are_counted(home: Path) -> None:
    async with serving(home, "circuit_breaker.failure_threshold=1", "retry.max_attempts=1") as served:
        await fail(served, "http500", "r1")
        found = (await served.data("GET", "/api/errors/statistics?window=5m"))["statistics"]
        assert found["breaker_changes"]["model:default"] == 1
        metrics = await samples(served)
        assert metrics["quarterdeck_breaker_changes_total{breaker=model:default}{to=open}"] == 1


async def test_a_corrected_class_is_learned_from_the_errors_own_words_and_taken_back(served: Served) -> None:
    await fail(served, "http_bad_chunk", "r1")
    error = (await served.data("GET", "/api/errors"))["errors"][-1]
    rule = (await served.data("POST", "/api/errors/r1.1/class", {"type": "network"}, 201))["rule"]
    assert (rule["type"], rule["learned"], rule["example"]) == ("network", True, error["said"])
    matched = served.engine.diagnosis.match(error["said"])
    assert matched is not None
    assert matched.id == rule["id"]
    await served.data("DELETE", f"/api/errors/rules/{rule['id']}")
    assert served.engine.diagnosis.match(error["said"]) is None


async def test_a_fact_outranks_a_correction_which_is_refused_and_not_kept(served: Served) -> None:
    await fail(served, "http401_invalid_key", "r1")
    response = await served.http.post("/api/errors/r1.1/class", json={"type": "network"})
    assert (response.status_code, "a fact outranks what is taught" in response.json()["error"]) == (400, True)
    assert served.engine.diagnosis.learned.all() == []


async def test_what_is_wrong_is_refused_by_field(served: Served) -> None:
    assert await served.refusal("GET", "/api/errors?type=weather") == (400, "bad_input", "type")
    assert await served.refusal("GET", "/api/errors?limit=0") == (400, "bad_input", "limit")
    assert await served.refusal("GET", "/api/errors/statistics?window=2h") == (400, "bad_input", "window")
    post = ("POST", "/api/errors/r9.1/class")
    assert await served.refusal(*post, {"type": "network"}) == (404, "not_found", "id")
    assert await served.refusal(*post, {"type": "weather"}) == (400, "bad_input", "type")


async def test_a_read_only_engine_learns_no_class(home: Path) -> None:
    async with serving(home, "engine.read_only=true") as served:
        status, code, _ = await served.refusal("POST", "/api/errors/r1.1/class", {"type": "network"})
        assert (status, code) == (403, "forbidden")
