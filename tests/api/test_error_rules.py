"""The classifier's rules over HTTP: listed with their statistics, taught, taken back."""

from __future__ import annotations

from pathlib import Path

from tests.api.serving import Served, serving

TEXT = "the widget 7 jammed again in /var/spool"


async def test_a_rule_is_taught_listed_first_and_taken_back(served: Served) -> None:
    rule = (await served.data("POST", "/api/errors/rules", {"type": "timeout", "text": TEXT}, 201))["rule"]
    assert (rule["type"], rule["retryable"], rule["template"]) == (
        "timeout",
        True,
        "the widget <*> jammed again in <*>",
    )
    rules = (await served.data("GET", "/api/errors/rules"))["rules"]
    assert rules[0] == rule
    assert {"overloaded", "disk-full"} <= {each["id"] for each in rules}
    assert await served.data("DELETE", f"/api/errors/rules/{rule['id']}") == {"deleted": rule["id"]}
    assert not [each for each in (await served.data("GET", "/api/errors/rules"))["rules"] if each["learned"]]


async def test_what_a_turn_failed_of_is_counted_and_a_correction_changes_it(served: Served) -> None:
    failing = {"prompt": "[[fault: http500]]", "profile": "default"}
    status, code, _ = await served.refusal("POST", "/api/prompts", failing)
    assert (status, code) == (502, "api_500")
    hits = {each["id"]: each["hits"] for each in (await served.data("GET", "/api/errors/rules"))["rules"]}
    assert hits["server-error"] >= 1


async def test_bad_lessons_are_refused_by_field(served: Served) -> None:
    post = ("POST", "/api/errors/rules")
    assert await served.refusal(*post, {"type": "weather", "text": TEXT}) == (400, "bad_input", "type")
    assert await served.refusal(*post, {"type": "network"}) == (400, "bad_input", "text")
    assert await served.refusal(*post, {"type": "network", "text": "7"}) == (400, "bad_input", "text")
    assert await served.refusal(*post, {"type": "network", "text": TEXT, "colour": 1}) == (400, "bad_input", "colour")
    assert await served.refusal("DELETE", "/api/errors/rules/learned-9") == (404, "not_found", "id")


async def test_a_read_only_engine_is_not_taught(home: Path) -> None:
    async with serving(home, "engine.read_only=true") as served:
        status, code, _ = await served.refusal("POST", "/api/errors/rules", {"type": "network", "text": TEXT})
        assert (status, code) == (403, "forbidden")


async def test_own_rules_are_changed_live_and_bad_ones_leave_the_old(served: Served, home: Path) -> None:
    own = home / "own.toml"
    own.write_text(
        '[[rule]]\nid = "paper"\ntype = "resource"\ncategory = "paper"\ndescription = "No paper."\n'
        'severity = "low"\nsays = ["out-of paper"]\n'
    )
    served.engine.live.propose({"recovery.rules": str(own)}, "ana")
    assert "paper" in {rule.id for rule in served.engine.diagnosis.rules}
    bad = home / "bad.toml"
    bad.write_text("[[rule")
    change = {"changes": {"recovery.rules": str(bad)}}
    status, code, _ = await served.refusal("PATCH", "/api/config", change)
    assert (status, code) == (400, "bad_settings")
    assert "paper" in {rule.id for rule in served.engine.diagnosis.rules}
