"""The `.env` files that the operator has trusted, by path and content: a file that changes is not trusted any more."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.base.files import private_folder, write_private
from engine.settings.dotenv import content_of
from engine.settings.paths import config_directory

NAME = "trusted-env.json"
SCHEMA = 1
MOST = 1000
"""Files that are remembered; beyond it the oldest is forgotten."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """One file as it was when the operator trusted it: real path, SHA-256 of the content, Unix time."""

    path: str
    sha256: str
    trusted: float

    @property
    def state(self) -> str:
        """`trusted`, `changed` since, or `gone`."""
        try:
            return "trusted" if digest(content_of(Path(self.path))) == self.sha256 else "changed"
        except FileNotFoundError:
            return "gone"
        except OSError:
            return "changed"


class TrustStore:
    """Owner of `trusted-env.json` in the configuration folder, mode 0600.

    A list that another user could have written is not believed.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.path = config_directory(environ) / NAME

    def all(self) -> list[Trusted]:
        """What is trusted; empty when there is no list, or none that can be believed."""
        try:
            facts = self.path.lstat()
            if not believable(facts):
                return []
            found = json.loads(content_of(self.path))
            if found["schema"] != SCHEMA:
                return []
            return [Trusted(str(one["path"]), str(one["sha256"]), float(one["trusted"])) for one in found["files"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def trusts(self, path: Path, content: bytes) -> bool:
        """Whether this very content of this very file is trusted; a link to a trusted file is not."""
        if path.is_symlink():
            return False
        place, sha256 = real(path), digest(content)
        return any(known.path == place and known.sha256 == sha256 for known in self.all())

    def knows(self, path: Path) -> bool:
        """Whether some content of the file was trusted."""
        return any(known.path == real(path) for known in self.all())

    def trust(self, path: Path, content: bytes, now: float) -> Trusted:
        """Remember a file with this content, trusted at Unix time `now`. Raises OSError."""
        entry = Trusted(real(path), digest(content), now)
        self._keep([*(known for known in self.all() if known.path != entry.path), entry][-MOST:])
        return entry

    def forget(self, path: Path) -> bool:
        """Trust a file no longer; False when it was not trusted. Raises OSError."""
        before = self.all()
        left = [known for known in before if known.path not in {real(path), os.path.abspath(path)}]  # noqa: PTH100
        if len(left) < len(before):
            self._keep(left)
        return len(left) < len(before)

    def _keep(self, files: list[Trusted]) -> None:
        private_folder(self.path.parent)
        content = {"schema": SCHEMA, "files": [asdict(one) for one in files]}
        write_private(self.path, json.dumps(content, indent=1).encode() + b"\n")


def believable(facts: os.stat_result) -> bool:
    """Whether only this user, or root, can have written a regular file with these facts."""
    own = facts.st_uid in {os.geteuid(), 0}
    return stat.S_ISREG(facts.st_mode) and own and not facts.st_mode & 0o022


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def real(path: Path) -> str:
    """The path without symbolic links."""
    return os.path.realpath(path)
