"""`quarterdeck bench GROUP`: measure on this machine, and state what each figure was measured against."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.base.errors import BadInput
from tui.cli.options import Common, FiniteRange, common_options
from tui.cli.output import echo, print_json, print_table, show_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.bench.figures import Figure

GROUPS = (
    "requirements",
    "turn",
    "pool",
    "recovery",
    "flow",
    "cache",
    "memory",
    "workers",
    "threads",
    "profiling",
    "console",
)
_SOAKS = {"console": "soak", "pool": "engine_soak"}
_HEADER = ("", "figure", "value", "unit", "ratio", "budget", "against")


@click.command("bench", epilog="Example: quarterdeck bench console --quick")
@click.argument("group", type=click.Choice(GROUPS))
@click.option("--quick", is_flag=True, help="End within 45 s.")
@click.option("--seed", type=int, default=0, show_default=True, help="Changes the scripted words.")
@click.option("--soak", type=FiniteRange(0.1, 1440), metavar="MINUTES", help="Watch what grows instead.")
@common_options
def command(common: Common, group: str, quick: bool, seed: int, soak: float | None) -> int:
    """Measure a group of figures; exits with 1 when one misses its budget.

    requirements: each figure that was asked for, beside the plain way. turn: the pool against one CLI a prompt, and
    what the engine adds to a turn. pool: leases, scaling, crashes, leaks, 100 live CLIs; with --soak, how flat the
    engine stays under mixed load. recovery: classifier, breakers, retry. flow: queue, fairness, adaptive limit. cache:
    both levels, eviction policies. memory: reuse by class, garbage collection. workers: bounded workers beside one task
    a job. threads: events between threads, waits for locks. profiling: what the profiler costs. console: first frame,
    memory, CPU; with --soak, how flat an attached console stays.
    """
    from engine.backends.binary import find_claude
    from engine.backends.claude import cli_version
    from engine.bench import cpu

    if soak is not None and group not in _SOAKS:
        raise BadInput("--soak goes with the groups console and pool.", remedy="`quarterdeck bench pool --soak 30`.")
    binary = find_claude(None)
    facts = cpu.describe(cli_version(binary) if binary is not None else "")
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as name:
        folder = Path(name)
        if soak is not None:
            rows = importlib.import_module(f"engine.bench.{_SOAKS[group]}").measure(folder, soak, seed, _progress())
        else:
            module = importlib.import_module(f"engine.bench.{group}")
            rows = module.measure(folder, module.QUICK if quick else module.FULL, seed, _progress())
    if common.json:
        print_json({"figures": rows, "machine": facts, "seed": seed})
    else:
        print_table([_cells(row) for row in rows], _HEADER)
        echo(", ".join(f"{name} {value}" for name, value in facts.items() if value != ""), err=True)
    return 0 if all(row.ok for row in rows) else 1


def _progress() -> Callable[[str], None]:
    """What is being measured, on one line of a terminal that is not the output."""
    shown = sys.stderr.isatty()

    def tell(what: str) -> None:
        show_progress(what, in_place=shown)

    return tell


def _cells(row: Figure) -> tuple[str, ...]:
    value = "-" if row.value is None else f"{row.value:g}"
    ratio = "" if row.ratio is None else f"{row.ratio:g}"
    return ("ok" if row.ok else "MISS", row.name, value, row.unit, ratio, row.budget, row.against)
