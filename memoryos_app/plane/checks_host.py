"""Checks of this machine: Python, the packages, the directories, the port."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from memoryos_app.plane.checks import Check, fault, ok, warn
from memoryos_app.stack.port import is_free
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.plane.config import PlaneConfig
from memoryos_tasks.core.settings import Settings, is_loopback

#: The oldest Python that the package takes, as its metadata says.
OLDEST = (3, 11)


def python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Check:
    """The Python that runs this."""
    has, needs = ".".join(map(str, version)), ".".join(map(str, OLDEST))
    if version < OLDEST:
        return fault("python", f"This is Python {has}, and {needs} or newer is needed. Install it and use it.")
    return ok("python", f"{has}, {needs} or newer is needed")


def required() -> list[Requirement]:
    """The packages that this one needs, from its metadata. Raises ``PackageNotFoundError`` when it is not installed."""
    wanted = [Requirement(line) for line in metadata.requires("memoryos") or []]
    return [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]


def installed(names: list[str]) -> dict[str, str]:
    """The installed versions of these packages; those that are not installed are left out."""
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def packages(table: list[Requirement] | None = None, versions: Mapping[str, str] | None = None) -> Iterator[Check]:
    """The installed packages against the ranges that this one declares; one line when all fit."""
    try:
        table = required() if table is None else table
    except metadata.PackageNotFoundError:
        yield warn("packages", "memoryos is not installed as a package, so versions cannot be compared. "
                               "Run: pip install -e .")
        return
    versions = installed([each.name for each in table]) if versions is None else versions
    wrong = 0
    for each in table:
        has = versions.get(each.name)
        if has is None or not each.specifier.contains(has, prereleases=True):
            wrong += 1
            state = f"{each.name} {has} is installed" if has else f"{each.name} is not installed"
            yield fault("packages", f"{state}, and {each.name}{each.specifier} is needed. "
                                    f"Run: pip install '{each.name}{each.specifier}'")
    if not wrong:
        listed = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        yield ok("packages", f"{len(table)} are in the ranges that memoryos declares: {listed}")


def directories(settings: Settings, config: PlaneConfig | None) -> Iterator[Check]:
    """Whether what is written can be written."""
    yield _writable(settings.data_dir, "or name another with MEMORYOS_DATA_DIR")
    if config is not None and config.logging.file:
        yield _writable(Path(config.logging.file).expanduser().absolute().parent, "or set logging.file elsewhere")


def _writable(folder: Path, otherwise: str) -> Check:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return fault("directory", f"{folder} cannot be written to ({error.strerror}). Make it a directory that this "
                                  f"user may write to, {otherwise}.")
    return ok("directory", f"{folder} can be written to")


def port(config: PlaneConfig) -> Iterator[Check]:
    """Whether the plane can listen where its configuration says."""
    host, number = config.server.host, config.server.port
    try:
        free = is_free(host, number, section="server")
    except ConfigError as error:
        yield fault("port", error.message)
        return
    if not free:
        yield fault("port", f"Port {number} on {host} is in use. Stop what listens there, or change server.port.")
        return
    yield ok("port", f"{number} on {host} is free")
    if not config.auth.enabled and not is_loopback(host):
        said = ("anyone there may use the models. Set auth.enabled and auth.api_key" if config.auth.allow_open else
                "other machines are answered 403. Set auth.enabled and auth.api_key")
        yield warn("auth", f"The plane listens on {host} without an API key: {said}.")
