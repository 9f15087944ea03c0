"""`quarterdeck replay PATH`: the console on a flight recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli.options import Common, common_options
from tui.cli.output import print_json

if TYPE_CHECKING:
    from engine.events.recording import Recording


@click.command("replay", epilog="Example: quarterdeck replay recordings   or   quarterdeck replay FILE --json")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--speed", type=click.Choice(["1", "4", "16"]), default="1", show_default=True, help="Seconds a second.")
@common_options
def command(common: Common, path: Path, speed: str) -> None:
    """Open the console on a flight recording.

    PATH is a *.flight.jsonl file, or a folder of them; of a folder, the newest engine's are played as one. All screens
    and keys are those of a running engine; nothing can be acted on. With --json: what the recording holds.
    """
    from engine.base.clock import SystemClock
    from engine.base.errors import BadInput
    from engine.events.recording import Recording
    from tui.cli.commands.console import open_feed
    from tui.feeds.recorded import RecordedFeed

    try:
        recording = Recording(path)
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}."
        raise BadInput(problem, remedy="Name a file or folder that you may read.", field="path") from error
    if common.json:
        print_json(_facts(recording))
    else:
        open_feed(common, RecordedFeed(recording, SystemClock(), speed=float(speed)))


def _facts(recording: Recording) -> dict[str, object]:
    from tui.model.notes import Notes

    return {
        "engine": recording.engine,
        "start": recording.start,
        "end": recording.end,
        "events": recording.number,
        "segments": [str(path) for path in recording.paths],
        "missing": recording.damage,
        "notes": [{"at": note.at, "written": note.written, "text": note.text} for note in Notes(recording.paths).notes],
    }
