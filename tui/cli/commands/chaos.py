"""`quarterdeck chaos DRILL…`: do harm to an engine of its own under traffic, and score how it recovers."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.base.errors import BackendMissing, BadInput
from engine.base.read_only import check_writable
from tui.cli.options import Common, FiniteRange, common_options
from tui.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.chaos.environments import Plan
    from engine.chaos.scorecard import Scorecard


ABUSE = "abuse"
"""In place of a drill: strangers and the machine do harm to an engine; names of harms may follow."""


@click.command("chaos", epilog="Example: quarterdeck chaos kill stop --sessions 6 --seconds 10")
@click.argument("drills", nargs=-1, required=True, metavar="DRILL...")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses victims, users and pauses.")
@click.option("--seconds", type=FiniteRange(1, 86_400), default=120.0, show_default=True, help="All drills.")
@click.option("--sessions", type=click.IntRange(1, 1000), default=20, show_default=True, help="Size of the pool.")
@click.option(
    "--radius",
    type=FiniteRange(0, 1, min_open=True),
    default=0.2,
    show_default=True,
    help="Share of sessions or calls that a drill may hit.",
)
@click.option("--tuned", is_flag=True, help="Run on clocks of seconds and wide bounds, not on the shipped defaults.")
@common_options
def command(
    common: Common, drills: Sequence[str], seed: int, seconds: float, sessions: int, radius: float, tuned: bool
) -> int:
    """Run drills on an engine of their own; `list` names them, `all` runs every one in turn, `random` mixes
    those that share an engine, over one another. `abuse` is about the listeners and the machine instead: strangers,
    careless clients, a log that nobody reads, no descriptors, deleted folders, tools that fork away.

    The simulator is struck unless `--backend claude` asks for the real CLI, which runs on the offline model: no drill
    uses the network or another engine's processes. The engine runs on the shipped defaults unless `--tuned` says
    otherwise, and the scorecard names its settings. Ctrl-C aborts and heals. Exits with 1 when a turn was lost or
    doubled, a process survived, fewer than 99.9 % of what a working API would have answered was answered, less than
    99 % of the harm was mended, or sessions that were killed or stopped took over 2 s to recover (p95).
    """
    from engine.chaos.environments import Plan
    from engine.chaos.run import chosen

    if "list" in drills:
        return _list(as_json=common.json)
    check_writable(read_only=common.read_only)
    if drills[0] == ABUSE:
        return _abuse(common, drills[1:], seconds)
    if common.config is not None:
        raise BadInput("A drill runs on settings of its own, not on a file.", remedy="Use `--set key=value`.")
    binary = _binary() if common.backend == "claude" or common.offline else None
    names = chosen(drills, "simulator" if binary is None else "claude")
    plan = Plan(names, seed, seconds, sessions, radius, binary, common.overrides, tuned)
    with tempfile.TemporaryDirectory(prefix="qd-chaos-", ignore_cleanup_errors=True) as name:
        card = asyncio.run(_run(plan, Path(name)))
    return _show(card, as_json=common.json)


async def _run(plan: Plan, folder: Path) -> Scorecard:
    from engine.chaos.run import Abort, run

    abort, loop = Abort(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, abort, f"by {number.name}")
    return await run(plan, folder, _progress, abort)


def _abuse(common: Common, names: Sequence[str], seconds: float) -> int:
    from engine.base.process import python_module
    from engine.chaos.abuse.run import AbusePlan, abuse, chosen_harms

    harms = chosen_harms(names)
    settings = [part for setting in common.overrides for part in ("--set", setting)]
    plan = AbusePlan(harms, seconds / (len(harms) + 1), (*python_module("tui.cli"), *settings))
    with tempfile.TemporaryDirectory(prefix="qd-abuse-", ignore_cleanup_errors=True) as name:
        card = asyncio.run(abuse(plan, Path(name), _progress))
    problems = card.problems() + card.delays()
    if common.json:
        print_json({"scorecard": card, "ok": not problems})
    else:
        rows = [
            (
                each.name,
                each.calls,
                f"{each.p99_ms:.0f} ms",
                f"{each.times:.1f}",
                f"{each.memory:.2f}",
                f"{each.ready_s:.1f}",
            )
            for each in card.abuses
        ]
        print_table(rows, ("abuse", "calls", "p99", "times rest", "memory", "ready after, s"))
    return _complain(problems)


def _binary() -> Path:
    from engine.backends.binary import find_claude

    binary = find_claude(None)
    if binary is None:
        raise BackendMissing("There is no Claude Code CLI.", remedy="`pip install 'quarterdeck[claude]'` brings one.")
    return binary


def _list(*, as_json: bool) -> int:
    from engine.chaos.drills import all_drills

    rows = [(drill.name, drill.about, ", ".join(drill.backends)) for drill in all_drills().values()]
    if as_json:
        print_json({"drills": [{"name": name, "about": about, "backends": on} for name, about, on in rows]})
    else:
        print_table(rows, ("drill", "what it does", "on"))
    return 0


def _show(card: Scorecard, *, as_json: bool) -> int:
    import msgspec

    problems = card.problems() + card.delays()
    if as_json:
        print_json({"scorecard": card, "ok": not problems})
    else:
        print_table(
            [(name.replace("_", " "), _cell(value)) for name, value in msgspec.to_builtins(card).items()], ("", "")
        )
    return _complain(problems)


def _complain(problems: list[str]) -> int:
    for problem in problems:
        echo(f"quarterdeck: {problem}", err=True)
    return 1 if problems else 0


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_cell(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _progress(what: str) -> None:
    echo(what, err=True)
