"""Alerts over HTTP on a real engine: fired by its events and figures, silenced, tested, refused."""

from __future__ import annotations

from pathlib import Path

from tests.alerts.receiver import receiving
from tests.api.serving import Served, serving
from tests.api.test_probes import samples
from tests.support.processes import until

QUICK = "alerts.rules=[{name: breaker-open, when: breaker_open >= 1, severity: critical, remedy: wait}]"
FAILING = ("circuit_breaker.failure_threshold=1", "retry.max_attempts=1", "alerts.calm=0s")


async def test_an_open_breaker_is_an_alert_that_reaches_the_webhook_and_is_resolved(home: Path) -> None:
    async with receiving() as receiver:
        hook = f"alerts.webhook.url=http://127.0.0.1:{receiver.port}/"
        more = ("alerts.webhook.allow_private=true", "alerts.channels=[console, webhook]")
        async with serving(home, QUICK, *FAILING, hook, *more) as served:
            await served.refusal("POST", "/api/prompts", {"prompt": "[[fault: http500]]"})
            await until(lambda: receiver.posts)
            (alert,) = (await served.data("GET", "/api/alerts"))["alerts"]
            assert (alert["rule"], alert["subject"], alert["phase"], alert["notified"]) == (
                "breaker-open",
                "model:default",
                "firing",
                True,
            )
            assert receiver.posts[0].json["engine"] == served.engine.id
            assert "breaker-open/model:default" in served.engine.bus.state.alerts
            metrics = await samples(served)
            assert metrics["quarterdeck_alerts_firing{severity=critical}"] == 1
            assert metrics["quarterdeck_alerts_sent_total{channel=webhook}"] == 1
            await served.data("POST", "/api/breakers/model:default", {"act": "close"})
            await until(lambda: len(receiver.posts) == 2)
            assert receiver.posts[1].json["state"] == "resolved"
            (ended,) = (await served.data("GET", "/api/alerts"))["alerts"]
            assert (ended["phase"], ended["ended"] >= ended["since"]) == ("resolved", True)
            assert served.engine.bus.state.alerts == {}


async def test_the_last_event_of_an_engine_is_told_while_it_closes(home: Path) -> None:
    async with receiving() as receiver:
        hook = f"alerts.webhook.url=http://127.0.0.1:{receiver.port}/"
        rule = "alerts.rules=[{name: gone, when: 'event:engine_stopped'}]"
        more = ("alerts.webhook.allow_private=true", "alerts.channels=[webhook]")
        async with serving(home, rule, hook, *more):
            assert receiver.posts == []
        assert [post.json["alert"] for post in receiver.posts] == ["gone"]


async def test_rules_are_changed_live_and_bad_ones_leave_the_old(served: Served) -> None:
    names = {row["name"] for row in (await served.data("GET", "/api/alerts/rules"))["rules"]}
    assert names >= {"availability-low", "breaker-open", "orphans-reaped"}
    bad = {"alerts.rules": [{"name": "mine", "when": "availabilty < 0.9"}]}
    response = await served.http.patch("/api/config", json=bad)
    assert (response.status_code, response.json()["field"]) == (400, "alerts.rules")
    assert "the nearest is availability" in response.json()["error"]
    assert {row["name"] for row in (await served.data("GET", "/api/alerts/rules"))["rules"]} == names
    good = {"alerts.rules": [{"name": "mine", "when": "sessions >= 0", "for": 90}]}
    await served.data("PATCH", "/api/config", good)
    (row,) = (await served.data("GET", "/api/alerts/rules"))["rules"]
    assert row == {"name": "mine", "when": "sessions >= 0", "for": "90s", "severity": "warning", "remedy": ""}
    await until(lambda: served.engine.alerts.alerts())
    (alert,) = (await served.data("GET", "/api/alerts"))["alerts"]
    assert (alert["rule"], alert["phase"]) == ("mine", "pending")


async def test_a_silence_is_made_listed_and_lifted(served: Served) -> None:
    made = (await served.data("POST", "/api/alerts/queue-long/silence", {"for": "1h"}, 201))["silence"]
    assert made["pattern"] == "queue-long"
    listed = (await served.data("GET", "/api/alerts"))["silences"]
    assert listed == [made]
    assert await served.data("DELETE", "/api/alerts/queue-long/silence") == {"silence_removed": "queue-long"}
    assert (await served.data("GET", "/api/alerts"))["silences"] == []
    await served.data("POST", "/api/alerts/*/silence", {"for": 60}, 201)


async def test_what_is_wrong_is_refused_by_field(served: Served) -> None:
    post = "/api/alerts/queue-long/silence"
    assert await served.refusal("POST", post, {"for": "soon"}) == (400, "bad_input", "for")
    assert await served.refusal("POST", post, {"for": "31d"}) == (400, "bad_input", "for")
    assert await served.refusal("POST", post, {"for": 0}) == (400, "bad_input", "for")
    assert await served.refusal("POST", post, {}) == (400, "bad_input", "for")
    assert await served.refusal("POST", "/api/alerts/nothing/silence", {"for": "1h"}) == (404, "not_found", "name")
    assert await served.refusal("DELETE", post) == (404, "not_found", "name")
    assert await served.refusal("POST", "/api/alerts/test", {"channel": "webhok"}) == (400, "bad_input", "channel")
    assert await served.refusal("POST", "/api/alerts/test", {"channel": "webhook"}) == (
        400,
        "bad_input",
        "alerts.webhook.url",
    )


async def test_a_channels_test_says_why_it_failed(home: Path) -> None:
    async with receiving() as receiver:
        async with serving(home, f"alerts.webhook.url=http://127.0.0.1:{receiver.port}/secret-path") as served:
            response = await served.http.post("/api/alerts/test", json={"channel": "webhook"})
            assert (response.status_code, response.json()["code"]) == (502, "alert_not_told")
            assert "127.0.0.1, which is not a public address" in response.json()["error"]
            shown = (await served.data("GET", "/api/config"))["config"]
            assert "secret-path" not in str(shown)
            await served.data("PATCH", "/api/config", {"alerts.webhook.allow_private": True})
            assert await served.data("POST", "/api/alerts/test", {"channel": "webhook"}) == {"notified": "webhook"}
        assert [post.json["alert"] for post in receiver.posts] == ["test"]


async def test_a_read_only_engine_silences_nothing(home: Path) -> None:
    async with serving(home, "engine.read_only=true") as served:
        for path, body in (("queue-long/silence", {"for": "1h"}), ("test", {"channel": "log"})):
            status, code, _ = await served.refusal("POST", f"/api/alerts/{path}", body)
            assert (status, code) == (403, "forbidden")
