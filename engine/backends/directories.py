"""Which directory a request may name: one that its profile lists, or one below it, wherever symbolic links lead."""

from __future__ import annotations

from pathlib import Path

from engine.backends.base import Profile
from engine.base.errors import BadInput, Forbidden


def allowed_directory(profile: Profile, named: str) -> Path:
    """The directory that a request names, without symbolic links. Raises BadInput, Forbidden."""
    if "\0" in named or not Path(named).is_absolute():
        raise BadInput(
            f"The directory {named!r} is no absolute path.", field="cwd", remedy="Give the whole path, from `/` on."
        )
    if not is_allowed(profile, Path(named)):
        listed = ", ".join(map(str, profile.directories)) or "none"
        raise Forbidden(
            f"Profile {profile.name} does not allow requests to work in {named}.",
            field="cwd",
            remedy=f"Allowed now: {listed}. `profiles.{profile.name}.directories` lists them.",
        )
    found = _real(Path(named))
    if found is None or not found.is_dir():
        raise BadInput(f"There is no directory {named}.", field="cwd", remedy="Create it, or name another one.")
    return found


def is_allowed(profile: Profile, directory: Path) -> bool:
    """Whether the directory, or what its symbolic links lead to, is a listed one or lies below one."""
    real = directory.resolve()
    return any(real.is_relative_to(allowed) for given in profile.directories if (allowed := _real(given)) is not None)


def _real(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
