"""What a capture is written as, and what it advises."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from engine.profiling.advice import advice
from engine.profiling.capture import SessionUsage
from engine.profiling.loop_lag import LagSummary
from engine.profiling.loop_steps import LoopStep
from engine.profiling.memory import Allocation, MemorySummary
from engine.profiling.outputs.flamegraph import flamegraph
from engine.profiling.outputs.report import report
from engine.profiling.outputs.speedscope import speedscope
from engine.profiling.stacks import Function, Stack, StackCounter, hottest
from engine.profiling.tasks import TaskRow, TaskTable
from tests.profiling.captures import COLD, HOT, MAIN, capture

SVG = "{http://www.w3.org/2000/svg}"
BAD = Stack('<b>&"\x00\ud800', (Function("<script>&", 'x".py', 1),), 3)


def test_a_speedscope_file_follows_its_schema() -> None:
    other = Stack("workers", (COLD,), 50)
    found = json.loads(speedscope("a capture", [*capture().stacks, other], 100.0))
    assert found["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = found["shared"]["frames"]
    assert frames[1] == {"name": HOT.name, "file": HOT.file, "line": HOT.line}
    engine, workers = found["profiles"]
    assert (engine["type"], engine["unit"], engine["startValue"]) == ("sampled", "seconds", 0)
    assert engine["endValue"] == pytest.approx(10.0)
    assert [[frames[at]["name"] for at in each] for each in engine["samples"]] == [["main", HOT.name], ["main", "cold"]]
    assert engine["weights"] == pytest.approx([8.0, 2.0])
    assert len(engine["samples"]) == len(engine["weights"])
    assert workers["name"] == "workers"


def test_a_flame_graph_is_one_svg_whose_widths_are_shares() -> None:
    root = ElementTree.fromstring(flamegraph("a capture", capture().stacks))
    titles = {group.find(f"{SVG}title").text: group.find(f"{SVG}rect") for group in root.iter(f"{SVG}g")}  # type: ignore[union-attr]
    widths = {title.partition(" (")[0]: float(box.get("width")) for title, box in titles.items() if box is not None}  # type: ignore[union-attr, arg-type]
    assert widths["main"] == pytest.approx(1180.0)
    assert widths[HOT.name] == pytest.approx(0.8 * 1180.0)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {"svg", "g", "title", "rect", "text"}


def test_names_with_markup_are_escaped() -> None:
    svg = flamegraph("<i>&", [BAD])
    assert b"<script>" not in svg
    assert any(box.text and "<script>&" in box.text for box in ElementTree.fromstring(svg).iter(f"{SVG}title"))


def test_names_of_bytes_that_are_no_text_are_written_with_question_marks() -> None:
    counter = StackCounter()
    counter.add("thread \udcff", [compile("pass", "/srv/\udcfe.py", "exec")])
    stacks = tuple(counter.stacks())
    assert json.loads(speedscope("x", stacks, 1.0))["profiles"][0]["name"] == "thread ?"
    assert "srv/?.py" in report(capture(stacks=stacks)).encode().decode()


def test_nothing_captured_is_written_too() -> None:
    empty = capture(stacks=(), samples=0)
    assert ElementTree.fromstring(flamegraph("x", ())).tag == f"{SVG}svg"
    assert json.loads(speedscope("x", (), 1.0))["profiles"] == []
    assert "1. Nothing that was measured stands out." in report(empty)


def test_shares_are_of_samples_at_work_and_a_recursive_function_counts_once() -> None:
    first, second = hottest([Stack("t", (MAIN, MAIN, HOT), 3), Stack("t", (MAIN,), 1)], 10)
    assert (first.function, first.own, first.total) == (HOT, 0.75, 0.75)
    assert (second.function, second.own, second.total) == (MAIN, 0.25, 1.0)


def test_callers_are_counted_once_a_stack_and_a_recursive_call_is_none() -> None:
    stacks = [Stack("t", (MAIN, HOT, HOT, MAIN, HOT), 3), Stack("t", (COLD, HOT), 1), Stack("u", (HOT,), 4)]
    (hot,) = [each for each in hottest(stacks, 1) if each.function == HOT]
    assert hot.callers == ((MAIN, 3 / 8), (COLD, 1 / 8))
    crowd = [Stack("t", (Function(f"f{n}", "a.py", n), HOT), n) for n in range(1, 30)]
    assert [by.name for by, _ in hottest(crowd, 1)[0].callers] == [f"f{n}" for n in range(29, 21, -1)]


STEP = LoopStep(1000.0, 0.084, (MAIN, HOT))
SESSION = SessionUsage("s0001", 60.0, 1 << 20, 2)
TASKS = TaskTable(5000, (TaskRow("turn #", 5000, ("wait (engine/x.py:1)",), "future"),))
MEMORY = MemorySummary(100 << 20, 120 << 20, 1, (Allocation("engine/b.py:9", 90 << 20, 4),))


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, f"{HOT.name} (engine/b.py:20) takes 80%"),
        ({"steps": (STEP,), "blocking": 4}, "4 steps of the event loop blocked it; the longest took 84 ms"),
        ({"lag": LagSummary(0.001, 0.05, 0.1, 100)}, "The event loop runs late: 50 ms"),
        ({"sessions": (SESSION,), "stacks": ()}, "The CLIs took 60.0 s of CPU"),
        ({"memory": MEMORY, "stacks": ()}, "100.0 MB of what was allocated is still held; 90.0 MB"),
        ({"tasks": TASKS, "stacks": ()}, "5000 tasks named turn # wait at the same place"),
        ({"missed": 900, "stacks": ()}, "900 of 1900 samples came too late"),
        ({"samples": 10}, "10 samples are few"),
    ],
)
def test_advice_names_what_was_found_and_what_to_do(changes: dict[str, object], first: str) -> None:
    found = advice(capture(**changes))
    assert found[0].found.startswith(first), found
    assert found[0].do
    assert f"1. {first}" in report(capture(**changes))


def test_a_share_of_few_samples_at_work_is_no_advice_and_its_number_is_given() -> None:
    idle = capture(samples=3000, stacks=(Stack("engine", (MAIN, HOT), 1),))
    assert idle.at_work == 1
    assert advice(idle)[0].found == "Nothing that was measured stands out."
    assert "Shares are of 1 stacks at work" in report(idle)


def test_three_things_at_most_the_weightiest_first() -> None:
    found = advice(capture(steps=(STEP,), tasks=TASKS, sessions=(SESSION,), memory=MEMORY, missed=900))
    assert len(found) == 3
    assert [each.weight for each in found] == sorted((each.weight for each in found), reverse=True)


def test_the_report_has_a_part_for_each_kind_and_survives_its_table() -> None:
    rows = TaskTable(1, (TaskRow("a|b", 1, (), "future"),))
    kinds = ("cpu", "memory", "tasks", "blocking")
    text = report(
        capture(kinds=kinds, tasks=rows, memory=MEMORY, sessions=(SESSION,), lag=LagSummary(0, 0, 0, 1), steps=(STEP,))
    )
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert [head.split(":")[0] for head in heads] == [
        "## What to do", "## CPU of the engine", "## CPU and memory of the sessions", "## Event loop", "## Tasks",
        "## Memory allocated during the capture",
    ]  # fmt: skip
    assert "a\\|b" in text
