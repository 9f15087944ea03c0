"""Which `.env` files are read, and how much of each: one of a folder that nobody vouched for may not run programs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.settings.dotenv import content_of, parse_dotenv, unreadable
from engine.settings.paths import config_directory
from engine.settings.trust import TrustStore, believable, real

FILES = (".env", ".env.production")
"""The files of a folder, in the order in which they are read: the later one wins."""
HARMLESS = frozenset({"CLAUDE_MODEL", "CLAUDE_MAX_TOKENS", "PORT"})
"""The only names that a file acts with before it is trusted."""
PREFIX = "QUARTERDECK_"
_MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class CurrentFolder:
    """The folder that the program was started in: its `.env` files act as far as the operator trusts them."""

    path: Path = Path()


HERE = CurrentFolder()


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What one file gives: values, a sentence for each bad line, the names that were skipped, and why."""

    path: Path
    values: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[str] = ()
    skipped: Sequence[str] = ()
    reason: str = ""

    @property
    def notice(self) -> tuple[str, str] | None:
        """What the operator must know, and what helps; None when the whole file acts."""
        if not self.skipped:
            return (self.reason, "") if self.reason else None
        more = f" and {len(self.skipped) - _MOST_SHOWN} more" if len(self.skipped) > _MOST_SHOWN else ""
        names = ", ".join(self.skipped[:_MOST_SHOWN]) + more
        remedy = f"Read it, then run `quarterdeck env trust {self.path}` to let it act."
        return f"{self.path} {self.reason}, so these names in it are skipped: {names}.", remedy


def env_files(where: Path | CurrentFolder, environ: Mapping[str, str], names: frozenset[str]) -> Iterator[EnvFile]:
    """The files to read, lowest first: the configuration folder's, then the one named or those of the folder.

    `names` are the names that mean something beside those with our prefix.
    """
    own = config_directory(environ) / FILES[0]
    places = [where.path / name for name in FILES] if isinstance(where, CurrentFolder) else []
    if not any(_is_same(place, own) for place in places):
        yield from _own(own, environ, names)
    if isinstance(where, Path):
        yield _whole(where)
    for place in places:
        if _is_same(place, own):
            yield from _own(place, environ, names)
        else:
            yield from _of_folder(place, environ, names)


def _is_same(place: Path, own: Path) -> bool:
    """Whether a folder's file is the configuration folder's own; a link from elsewhere to that is not."""
    return real(place.parent) == real(own.parent) and place.name == own.name


def acting_names(values: Mapping[str, str], names: frozenset[str]) -> list[str]:
    """The names among these that would change a setting."""
    return [name for name, value in values.items() if value and (name in names or name.startswith(PREFIX))]


def _whole(path: Path) -> EnvFile:
    try:
        return EnvFile(path, *parse_dotenv(content_of(path), path))
    except FileNotFoundError:
        return EnvFile(path)
    except OSError as error:
        return EnvFile(path, problems=[unreadable(path, error)])


def _own(path: Path, environ: Mapping[str, str], names: frozenset[str]) -> Iterator[EnvFile]:
    """The configuration folder's: read like the settings file beside it, unless others can write to it."""
    try:
        facts = path.stat()
    except OSError:
        return
    if believable(facts) and believable_folder(path.parent):
        yield _whole(path)
    else:
        yield from _of_folder(path, environ, names, "can be written by others")


def believable_folder(folder: Path) -> bool:
    """Whether only this user, or root, can put files into a folder."""
    try:
        facts = folder.stat()
    except OSError:
        return False
    return facts.st_uid in {os.geteuid(), 0} and not facts.st_mode & 0o022


def _of_folder(
    path: Path, environ: Mapping[str, str], names: frozenset[str], why: str = "is not trusted"
) -> Iterator[EnvFile]:
    try:
        content = content_of(path)
    except (FileNotFoundError, IsADirectoryError):  # such a folder is a virtual environment
        return
    except OSError as error:
        yield EnvFile(path, reason=f"{path} is skipped, it cannot be read: {error.strerror}.")
        return
    values, problems = parse_dotenv(content, path)
    store = TrustStore(environ)
    if store.trusts(path, content):
        yield EnvFile(path, values, problems)
        return
    kept = {name: value for name, value in values.items() if name in HARMLESS}
    skipped = [name for name in acting_names(values, names) if name not in HARMLESS]
    reason = "has changed since it was trusted" if store.knows(path) else why
    yield EnvFile(path, kept, (), skipped, reason if skipped else "")
