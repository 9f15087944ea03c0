"""The front door: `quarterdeck`. Each command's module is loaded only when it is called."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.base import process
from engine.base.errors import BadInput, NoEngine, QuarterdeckError
from engine.base.version import __version__
from tui.cli.options import Common, common_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

DONE, FAILED, WRONG_USAGE, NO_ENGINE = 0, 1, 2, 3
"""Exit codes, as the README lists them."""

COMMANDS = {
    "alerts": "Show alerts and their rules, silence one, test a channel.",
    "attach": "Open the console on a running engine.",
    "bench": "Measure, and compare with the plain way.",
    "breakers": "Show the circuit breakers.",
    "chaos": "Do harm to sessions of its own, and score how they recover.",
    "checkpoints": "List requests that a shutdown broke off, resume or delete them.",
    "cache": "Show the cached answers by level; delete some, or prewarm.",
    "classify": "Say what errors are, and what helps.",
    "config": "Show, check and change settings.",
    "conversations": "List conversations with and without a process, open one in a terminal, delete one.",
    "doctor": "Say what this machine lacks, and how to cure it.",
    "down": "End the engine that `up` started.",
    "env": "Trust the .env file of a folder, list what is trusted, forget it.",
    "errors": "Show what failed and how recovery went; correct a class.",
    "keys": "List the console's actions with their keys; check keys.toml.",
    "memory": "Show the buffers that are used again; measure whether it pays, give them back.",
    "offline-model": "Serve the offline model alone.",
    "performance": "Show how the engine fares: CPU, loop lag, garbage collection, events, cache, backpressure.",
    "permissions": "Show what agents ask leave for, answer it, show grants.",
    "plugins": "List the installed extensions and check that they load.",
    "pool": "Show the pool's size, use, reuse and waits.",
    "presets": "Save settings under a name, compare and apply them.",
    "profiler": "Capture where time and memory go, and what blocks; trace a request.",
    "profiles": "List profiles, drain one, let it start again.",
    "queue": "Show the requests on their way, and the queue; cancel one.",
    "recordings": "List flight recordings.",
    "recoveries": "Show what was done about failures, or do it by hand.",
    "replay": "Open the console on a recording.",
    "run": "Answer one prompt.",
    "scale": "Set the size of the pool, or let it follow the load.",
    "sessions": "List sessions, interrupt, stop or kill them.",
    "socket": "Print where an engine on this machine listens.",
    "up": "Start an engine that stays when the terminal is closed.",
    "workers": "Show the workers of the background; end the idle ones.",
    "web": "Serve the console to a browser on this machine.",
}


MADE = frozenset(
    {
        "cache",
        "checkpoints",
        "memory",
        "performance",
        "pool",
        "presets",
        "profiler",
        "profiles",
        "recordings",
        "workers",
    }
)
"""Groups that are made from operations alone."""
EXTENDED = frozenset({"alerts", "breakers", "config", "errors", "permissions", "queue", "recoveries", "sessions"})
"""Groups of a module that get commands for those operations that have none there."""


class LazyGroup(click.Group):
    """A group whose commands live in `tui.cli.commands.<name>` as `command`, or are made from operations."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in MADE:
            from tui.cli.operation_commands import operation_group

            return operation_group(cmd_name, COMMANDS[cmd_name])
        module = importlib.import_module(f"tui.cli.commands.{cmd_name.replace('-', '_')}")
        found: click.Command = module.command
        if cmd_name in EXTENDED and isinstance(found, click.Group):
            from tui.cli.operation_commands import extend

            return extend(found, cmd_name)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader who has seen enough (`| head`) is no failure, which click would make of it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _forget_output()
            return DONE

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, from the table: click would load the module of each for its summary."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *super(click.Group, self).shell_complete(ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: quarterdeck run --offline 'say hello'",
)
@click.option("--engine-only", is_flag=True, help="Run headless: the API on the local socket, a log on stdout.")
@click.option("--log-file", type=click.Path(path_type=Path), metavar="FILE", help="With --engine-only: log to FILE.")
@click.version_option(__version__, prog_name="quarterdeck")
@common_options
def quarterdeck(common: Common, engine_only: bool, log_file: Path | None) -> None:
    """Run, watch and tune a pool of Claude Code sessions.

    Without a command the console opens: on the engine that runs already, or else on one of its own.
    """
    context = click.get_current_context().parent or click.get_current_context()
    if context.invoked_subcommand is not None:
        if engine_only:
            raise BadInput("--engine-only goes with no command.", remedy="Leave one of the two out.")
        return
    if log_file is not None and not engine_only:
        raise BadInput("--log-file goes with --engine-only.", remedy="Leave it out, or add --engine-only.")
    if engine_only:
        from tui.cli.commands.engine_only import run_engine

        run_engine(common, log_file)
    else:
        from tui.cli.commands.console import open_console

        open_console(common)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with one of the four codes above."""
    process.become_program()
    try:
        code = _run(arguments)
    except OSError as error:
        if not _output_failed(error):
            raise
        _forget_output()
        complain(OutputFailed(error))
        code = FAILED
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else FAILED
    sys.exit(_flushed(code))


def _run(arguments: list[str] | None) -> int:
    try:
        result: Any = quarterdeck.main(arguments, prog_name="quarterdeck", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG_USAGE
    except click.ClickException as error:
        from tui.cli.output import show_usage_error

        show_usage_error(error)
        return WRONG_USAGE
    except click.Abort:
        return 130
    except QuarterdeckError as error:
        complain(error)
        return exit_code(error)
    return result if isinstance(result, int) else DONE


class OutputFailed(QuarterdeckError):
    """Standard output takes no more."""

    code = "output_failed"

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"Standard output cannot be written: {error.strerror}.", remedy="Free space there, or write elsewhere."
        )


def _flushed(code: int) -> int:
    """The exit code, once all that was printed is written: what Python finds out at its very end is a traceback."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
    except OSError as error:
        _forget_output()
        complain(OutputFailed(error))
        return FAILED
    return code


def _output_failed(error: OSError) -> bool:
    """Whether it was standard output that could not be written: click wrote, or what is left cannot be written."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("click."):
        return error.filename is None
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _forget_output() -> None:
    from engine.log.writer import forget

    forget(sys.stdout.fileno())


def complain(error: QuarterdeckError) -> None:
    """What went wrong and what helps, on standard error."""
    from tui.cli.output import echo

    first, *more = error.message.split("\n") or [error.code]
    echo(f"quarterdeck: {first}", err=True)
    for line in more:
        echo(f"  {line}", err=True)
    if error.remedy:
        echo(f"  → {error.remedy}", err=True)


def exit_code(error: QuarterdeckError) -> int:
    """The exit code that an error ends the program with."""
    if isinstance(error, NoEngine):
        return NO_ENGINE
    return WRONG_USAGE if isinstance(error, BadInput) else FAILED


if __name__ == "__main__":
    main()
