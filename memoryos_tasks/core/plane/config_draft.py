"""A configuration of the plane while it is put together: values and problems as they come in, later ones win."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from typing import Any

from memoryos_tasks.core.plane.config import Health, Model, PlaneConfig
from memoryos_tasks.core.plane.config_knob import knob_of, part_of
from memoryos_tasks.core.plane.config_values import REFERENCE, Wrong, take

Path = tuple[str, ...]
#: Other places of a key, as older templates write them.
_MOVED: Mapping[Path, Path] = {
    **{(key,): ("sync", key) for key in ("heartbeat_interval", "election_timeout", "replication_workers")},
    **{("mcp", key): ("sync", key) for key in ("heartbeat_interval", "election_timeout", "replication_workers")},
    ("sync_mode",): ("sync", "mode"),
    ("mcp", "sync_mode"): ("sync", "mode"),
    ("sync", "etcd", "endpoints"): ("sync", "etcd"),
    ("sync", "etcd", "prefix"): ("sync", "prefix"),
}
#: Sections that may be written as their one value.
_SHORT: Mapping[Path, Path] = {("reload",): ("reload", "mode"), ("sync",): ("sync", "mode")}


@dataclass(frozen=True, slots=True)
class Given:
    """A value that somebody has set: ``source`` is the file or the environment variable, ``key`` as it stands there,
    ``reference`` the ``env:NAME`` that the file has in place of a secret."""

    value: Any
    source: str
    key: str
    reference: str = ""


def sections() -> dict[str, dict[str, Field[Any]]]:
    """The keys of each section, in their order."""
    parts = {each.name: part_of(each) for each in fields(PlaneConfig)}
    return {name: _keys(made) for name, made in parts.items() if made}


def _keys(made: type) -> dict[str, Field[Any]]:
    return {each.name: each for each in fields(made)}


SECTIONS = sections()
MODEL = _keys(Model)
HEALTH = _keys(Health)


class Draft:
    """What has been set so far, by its canonical path such as ``("server", "port")`` or ``("models", "0", "name")``.

    ``environ`` is where ``env:NAME`` is looked up; None refuses such references.
    """

    def __init__(self, environ: Mapping[str, str] | None) -> None:
        self._environ = environ
        self._source = ""
        self.given: dict[Path, Given] = {}
        self.problems: list[str] = []
        self._failed: set[Path] = set()
        #: How the file spells each key that it has.
        self._seen: dict[Path, str] = {}

    def table(self, raw: object, source: str) -> None:
        """All of a file's content."""
        self._source = source
        if raw is None:
            # A file that is being written is empty for a moment: taken as it is, it would remove every model.
            self.problems.append(f"{source}: is empty. Write keys such as 'server:' and 'models:'.")
            return
        if not isinstance(raw, Mapping):
            self.problems.append(f"{source}: holds no keys and values. Write keys such as 'server:' and 'models:'.")
            return
        self._walk(raw, (), "", source)

    def variable(self, name: str, path: Sequence[str], value: str) -> None:
        """One environment variable."""
        self._put(tuple(path), name, value, "", text=True)

    def model(self, raw: Mapping[str, Any], source: str) -> None:
        """One model alone, which becomes ``models.0``."""
        self._walk(raw, ("models", "0"), "", source)

    def models(self) -> list[str]:
        """The numbers of the models that anything was set for."""
        found = {path[1] for path in self.given if path[0] == "models"}
        return sorted(found | {path[1] for path in self._failed if path[0] == "models"}, key=int)

    def whole(self, path: Path) -> bool:
        """Whether nothing at this path was refused."""
        return path not in self._failed

    def refuse(self, path: Path, said: str) -> None:
        """Note a problem with a key, at the place where it was set."""
        given = self.given.get(path)
        self._failed.add(path)
        place = _place(given.key, given.source) if given else _place(shown(path), self._source)
        self.problems.append(f"{place}: {said}")

    def _walk(self, raw: Mapping[Any, Any], path: Path, outer: str, source: str) -> None:
        for key, value in raw.items():
            here = (*path, _snake(str(key)))
            said = f"{outer}.{key}" if outer else str(key)
            if here == ("models",):
                self._models(value, said, source)
            elif isinstance(value, Mapping) and self._section(here):
                self._walk(value, here, said, source)
            else:
                self._put(here, said, value, source)

    def _section(self, path: Path) -> bool:
        inner = len(path) == 1 and path[0] in SECTIONS
        return inner or path == ("sync", "etcd") or (len(path) == 3 and path[0] == "models" and path[2] == "health")

    def _models(self, value: object, said: str, source: str) -> None:
        if value is None:
            return
        if not isinstance(value, list):
            self.problems.append(f"{_place(said, source)}: is not a list. Write '- name: …' below it for each model.")
            return
        for number, entry in enumerate(value):
            here, name = ("models", str(number)), f"{said}[{number}]"
            if isinstance(entry, Mapping) and entry:
                self._walk(entry, here, name, source)
            else:
                self._failed.add(here)
                self.problems.append(f"{_place(name, source)}: is no model. Write its name and endpoint as keys.")

    def _put(self, path: Path, key: str, raw: object, source: str, *, text: bool = False) -> None:
        canonical, field = _find(path)
        where = _place(key, source)
        if field is None:
            self.problems.append(f"{where}: {_unknown(path)}")
            return
        if not text and self._seen.setdefault(canonical, key) != key:
            self.problems.append(f"{where}: is the same key as {self._seen[canonical]}. Keep one of them.")
            return
        if raw is None and not text:
            # 'port:' with nothing behind it: as if it were not written, except where something must be.
            raw = "" if knob_of(field).nonempty else field.default
        try:
            value = take(knob_of(field), type(field.default), raw, text=text, environ=self._environ)
        except Wrong as problem:
            self._failed.add(canonical)
            self.problems.append(f"{where}: {problem}")
        else:
            pointed = knob_of(field).secret and isinstance(raw, str) and raw.startswith(REFERENCE)
            self.given[canonical] = Given(value, source, key, str(raw) if pointed else "")


def shown(path: Path) -> str:
    """A path as people write it: ``models[0].name``."""
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", ".".join(path))


def _find(path: Path) -> tuple[Path, Field[Any] | None]:
    path = _MOVED.get(path, _SHORT.get(path, path))
    keys = _known(path)
    name = path[-1]
    for field in keys.values():
        if "knob" in field.metadata and (name == field.name or name in knob_of(field).also):
            return (*path[:-1], field.name), field
    return path, None


def _known(path: Path) -> dict[str, Field[Any]]:
    """The keys beside the last one of ``path``."""
    if len(path) == 2 and path[0] in SECTIONS:
        return SECTIONS[path[0]]
    if path[0] == "models" and len(path) > 2 and path[1].isdecimal() and len(path[1]) < 5:
        if len(path) == 3:
            return MODEL
        if len(path) == 4 and path[2] == "health":
            return HEALTH
    return {}


def _unknown(path: Path) -> str:
    if len(path) == 1 and path[0] in SECTIONS:
        return f"is a section, not a value. Write its keys below it: {', '.join(SECTIONS[path[0]])}."
    if path[0] == "models" and len(path) == 3 and path[2] == "health":
        return f"is a section, not a value. Write its keys below it: {', '.join(HEALTH)}."
    if path == ("models",):
        return "is a list. Set an entry's keys by its number, as in MODELS__0__TOKEN."
    names: Iterable[str] = _known(path) or [*SECTIONS, "models"]
    near = difflib.get_close_matches(path[-1], list(names), n=1)
    return "there is no such key. " + (f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(names)}.")


def _place(key: str, source: str) -> str:
    return f"{key} in {source}" if source else key


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()
