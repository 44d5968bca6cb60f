"""Settings from defaults, then ``config.toml``, then the environment; checked as a whole."""

from __future__ import annotations

import difflib
import os
import socket
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import Field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from memoryos_tasks.adapters.config.values import Wrong, spec_of, take
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.core.settings_rules import contradictions

PREFIX = "MEMORYOS__"
DEFAULT_REDIS = "redis://127.0.0.1:6379/0"
#: Names that other tools use too. Empty ones count as unset; MEMORYOS__… wins over them.
ALIASES = {
    "REDIS_URL": ("redis", "truth_url"),
    "CELERY_BROKER_URL": ("redis", "traffic_url"),
    "QDRANT_URL": ("vectors", "url"),
    "MEMORYOS_DATA_DIR": ("", "data_dir"),
    "MEMORYOS_WORKER_GROUP": ("worker", "group"),
    "MEMORYOS_WORKER_CONSUMER": ("worker", "consumer"),
    "MEMORYOS_ASYNC_MEMORY_PIPELINE": ("memory", "async_pipeline"),
}

Fields = dict[str, Field[Any]]


def load(environ: Mapping[str, str], path: Path | None = None) -> Settings:
    """The settings of a process, with the Redis URLs found and the worker's name made up where unset.

    Raises :class:`ConfigError` that lists everything that is wrong, one line each.
    """
    settings = read(environ, path)
    consumer = settings.worker.consumer or f"{socket.gethostname()}-{os.getpid()}"
    return replace(settings, redis=_found(settings), worker=replace(settings.worker, consumer=consumer))


def read(environ: Mapping[str, str], path: Path | None = None) -> Settings:
    """As :func:`load`, but what nobody has set stays empty; ``redis.traffic_url`` follows ``truth_url``."""
    gathered = _Gathered()
    gathered.file(config_path(environ, path))
    gathered.environment(environ)
    settings = gathered.settings()
    if settings.redis.truth_url and not settings.redis.traffic_url:
        settings = replace(settings, redis=replace(settings.redis, traffic_url=settings.redis.truth_url))
    return replace(settings, data_dir=settings.data_dir.expanduser().absolute())


def config_path(environ: Mapping[str, str], path: Path | None = None) -> Path | None:
    """The file to read: ``path``, else ``MEMORYOS_CONFIG``, else ``./config.toml`` if there is one."""
    if path is not None:
        return path
    if environ.get("MEMORYOS_CONFIG"):
        return Path(environ["MEMORYOS_CONFIG"])
    local = Path("config.toml")
    return local if local.is_file() else None


def sections() -> dict[str, Fields]:
    """Every setting by section and key; the top level is the section ``""``."""
    found: dict[str, Fields] = {"": {}}
    for outer in fields(Settings):
        made = outer.default_factory
        if isinstance(made, type) and is_dataclass(made):
            found[outer.name] = {inner.name: inner for inner in fields(made)}
        else:
            found[""][outer.name] = outer
    return found


def _found(settings: Settings) -> Any:
    """The Redis settings with unset URLs taken from what ``memoryos up`` left in the data directory."""
    truth = settings.redis.truth_url or _left(settings.data_dir / "redis.url")
    traffic = settings.redis.traffic_url or _left(settings.data_dir / "broker.url")
    truth = truth or DEFAULT_REDIS
    return replace(settings.redis, truth_url=truth, traffic_url=traffic or truth)


def _left(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}). Make it readable or remove it.") from error


class _Gathered:
    """Values and problems as they come in; later values win."""

    def __init__(self) -> None:
        self.known = sections()
        self.values: dict[str, dict[str, Any]] = {name: {} for name in self.known}
        self.problems: list[str] = []

    def file(self, path: Path | None) -> None:
        if path is None:
            return
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self.problems.append(f"{path}: there is no such file. Correct MEMORYOS_CONFIG or create it.")
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{path}: cannot be read ({error}). Make it a readable UTF-8 file.")
        except tomllib.TOMLDecodeError as error:
            self.problems.append(f"{path}: is not valid TOML ({error}). Correct it there.")
        else:
            for name, value in table.items():
                self._table(path, name, value)

    def _table(self, path: Path, name: str, value: Any) -> None:
        if name in self.known and name and isinstance(value, dict):
            for key, raw in value.items():
                self._put(f"{name}.{key} in {path}", name, key, raw, text=False)
        elif name in self.known and name:
            self.problems.append(f"{name} in {path}: is a section, not a value. Write [{name}] and its keys below.")
        elif isinstance(value, dict):
            hint = _hint(name, self.known)
            self.problems.append(f"[{name}] in {path}: there is no such section. {hint}")
        else:
            self._put(f"{name} in {path}", "", name, value, text=False)

    def environment(self, environ: Mapping[str, str]) -> None:
        for name, (section, key) in ALIASES.items():
            if environ.get(name):
                self._put(name, section, key, environ[name], text=True)
        for name, raw in sorted(environ.items()):
            if not name.startswith(PREFIX):
                continue
            parts = name.removeprefix(PREFIX).lower().split("__")
            if len(parts) == 1:
                self._put(name, "", parts[0], raw, text=True)
            elif len(parts) == 2 and parts[0] and parts[0] in self.known:
                self._put(name, parts[0], parts[1], raw, text=True)
            else:
                self.problems.append(f"{name}: there is no section {parts[0]!r}. {_hint(parts[0], self.known)}")

    def _put(self, where: str, section: str, key: str, raw: object, *, text: bool) -> None:
        field = self.known[section].get(key)
        if field is None:
            self.problems.append(f"{where}: there is no such key. {_hint(key, self.known[section])}")
            return
        try:
            self.values[section][key] = take(field, raw, text=text)
        except Wrong as problem:
            self.problems.append(f"{where}: {problem}")

    def settings(self) -> Settings:
        parts: dict[str, Any] = dict(self.values[""])
        default = Settings()
        for name in self.known:
            if name:
                parts[name] = replace(getattr(default, name), **self.values[name])
        settings = Settings(**parts)
        problems = self.problems + contradictions(settings)
        if problems:
            raise ConfigError("The configuration is not valid:\n" + "\n".join(f"  {line}" for line in problems))
        return settings


def _hint(name: str, known: Iterable[str]) -> str:
    names = [each for each in known if each]
    near = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(names)}."


def needs_restart(old: Settings, new: Settings) -> list[str]:
    """The changed settings, as ``section.key``, that a running process cannot take over."""
    changed = []
    for section, known in sections().items():
        before, after = (getattr(each, section) if section else each for each in (old, new))
        for key, field in known.items():
            if spec_of(field).restart and getattr(before, key) != getattr(after, key):
                changed.append(f"{section}.{key}" if section else key)
    return changed
