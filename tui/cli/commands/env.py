"""`quarterdeck env …`: which `.env` files may set everything, by path and content."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.base import process
from engine.base.errors import BadInput, QuarterdeckError
from engine.base.read_only import check_writable
from tui.cli.options import Common, called_alone, common_options
from tui.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    from engine.settings.trust import TrustStore

_COLUMNS = ("file", "state", "trusted")


@click.group("env", invoke_without_command=True, epilog="Example: quarterdeck env trust .env")
@common_options
def command(common: Common) -> None:
    """Trust the .env file of a folder, list what is trusted, forget it.

    A .env file can run programs and choose where the API key is sent. Until it is trusted it sets the model, the
    token limit and the port only. A file that changes must be trusted again.
    """
    if called_alone():
        _list(common)


@command.command("trust", epilog="Example: quarterdeck env trust")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@common_options
def trust(common: Common, files: tuple[Path, ...]) -> None:
    """Let these files set everything; without FILE, the .env and .env.production of the current folder."""
    from engine.settings.dotenv import content_of, parse_dotenv
    from engine.settings.env_files import acting_names
    from engine.settings.names import NAMES

    check_writable(read_only=common.read_only)
    store, done = _store(), []
    for path in files or _here():
        try:
            content = content_of(path)
            store.trust(path, content, time.time())
        except OSError as error:
            raise _failed(path, error, store) from error
        done.append(
            {"file": str(path.resolve()), "names": acting_names(parse_dotenv(content, path)[0], frozenset(NAMES))}
        )
    if common.json:
        print_json(done)
        return
    for entry in done:
        echo(f"{entry['file']} is trusted; it sets {', '.join(entry['names']) or 'nothing'}.")


@command.command("list", epilog="Example: quarterdeck env list --json")
@common_options
def list_files(common: Common) -> None:
    """The trusted files: `trusted`, `changed` since, or `gone`."""
    _list(common)


@command.command("forget", epilog="Example: quarterdeck env forget .env")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@common_options
def forget(common: Common, files: tuple[Path, ...]) -> None:
    """Trust these files no longer; without FILE, those of the current folder."""
    from engine.settings.env_files import FILES

    check_writable(read_only=common.read_only)
    store, given = _store(), files or tuple(Path(name) for name in FILES)
    try:
        gone = [path for path in given if store.forget(path)]
    except OSError as error:
        raise _failed(store.path, error, store) from error
    if not gone:
        names = ", ".join(map(str, given))
        raise BadInput(f"{names}: not trusted.", field="files", remedy="`quarterdeck env list` shows what is.")
    if common.json:
        print_json([str(path.resolve()) for path in gone])
        return
    for path in gone:
        echo(f"{path.resolve()} is not trusted any more.")


def _list(common: Common) -> None:
    from tui.render.formats import moment

    known = _store().all()
    if common.json:
        print_json([{"file": one.path, "state": one.state, "trusted": one.trusted} for one in known])
        return
    print_table([[one.path, one.state, moment(one.trusted, time.time())] for one in known], _COLUMNS)


def _store() -> TrustStore:
    from engine.settings.trust import TrustStore

    return TrustStore(process.environment())


def _here() -> list[Path]:
    from engine.settings.env_files import FILES

    found = [path for name in FILES if (path := Path(name)).exists()]
    if not found:
        raise BadInput("There is no .env file in this folder.", field="files", remedy="Name one: `env trust FILE`.")
    return found


def _failed(path: Path, error: OSError, store: TrustStore) -> QuarterdeckError:
    if error.filename is not None and str(error.filename).startswith(str(store.path.parent)):
        return BadInput(f"{store.path} cannot be written: {error.strerror}.", remedy="Make the folder writable.")
    return BadInput(f"{path} cannot be read: {error.strerror}.", field="files", remedy="Name a readable text file.")
