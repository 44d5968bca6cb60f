"""The plane's configuration from raw tables: checked as a whole, with every problem named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields, replace
from typing import Any

from memoryos_tasks.core.errors import ConfigError, InvalidRequest
from memoryos_tasks.core.plane.config import Endpoint, Health, Model, PlaneConfig, Sync, endpoint
from memoryos_tasks.core.plane.config_draft import HEALTH, MODEL, SECTIONS, Draft, Path, shown
from memoryos_tasks.core.plane.config_knob import knob_of, part_of
from memoryos_tasks.core.plane.policy import KEYS, Policy, policy_of


def parse(raw: object, environ: Mapping[str, str], *, source: str = "mcp_config.yaml") -> PlaneConfig:
    """The configuration that one file's content makes. Raises :class:`ConfigError` with a line for each problem."""
    draft = Draft(environ)
    draft.table(raw, source)
    return finish(draft)


def finish(draft: Draft) -> PlaneConfig:
    """The configuration that a draft makes. Raises :class:`ConfigError` with a line for each problem."""
    made = {each.name: part_of(each) for each in fields(PlaneConfig)}
    parts: dict[str, Any] = {
        name: part(**_values(draft, (name,), SECTIONS[name])) for name, part in made.items() if part}
    config = PlaneConfig(**parts, models=_models(draft))
    config = _service(draft, config)
    _contradictions(draft, config)
    if len(draft.problems) == 1:
        raise ConfigError(draft.problems[0])
    if draft.problems:
        raise ConfigError("\n".join(["The control plane's configuration is not valid:",
                                     *(f"  {line}" for line in draft.problems)]))
    return config


def policy_written(draft: Draft) -> Policy | None:
    """What the draft says so far for all nodes; None where it says nothing of that."""
    if KEYS.isdisjoint(draft.given):
        return None
    parts: dict[str, Any] = {
        each.name: part(**_values(draft, (each.name,), SECTIONS[each.name]))
        for each in fields(PlaneConfig) if (part := part_of(each)) is not None}
    return policy_of(PlaneConfig(**parts))


def model_from(raw: Mapping[str, Any], *, source: str = "") -> Endpoint:
    """The endpoint that a message registers: the keys of an entry of ``models``.

    ``env:NAME`` is refused: whoever may register must not read this process's environment. Raises
    :class:`InvalidRequest`.
    """
    draft = Draft(None)
    draft.model(raw, source)
    found = _models(draft) if draft.models() else ()
    if not found and not draft.problems:
        draft.problems.append("name, endpoint: are missing. Give the model's name and its URL.")
    if draft.problems:
        raise InvalidRequest(" ".join(draft.problems))
    return found[0]


def _values(draft: Draft, path: Path, keys: Mapping[str, Field[Any]]) -> dict[str, Any]:
    return {name: draft.given[(*path, name)].value for name in keys if (*path, name) in draft.given}


def _models(draft: Draft) -> tuple[Endpoint, ...]:
    found: dict[str, Endpoint] = {}
    numbers: dict[str, str] = {}
    for number in draft.models():
        path = ("models", number)
        values = _values(draft, path, MODEL)
        missing = [name for name in _required() if name not in values and draft.whole((*path, name))]
        for name in missing if draft.whole(path) else ():
            draft.refuse((*path, name), f"is missing. Every model needs its {' and its '.join(_required())}.")
        made = endpoint(Model(**values, health=Health(**_values(draft, (*path, "health"), HEALTH))))
        if missing or not (made.model and made.url):
            continue
        if (*path, "token") in draft.given:
            made = replace(made, token_from=draft.given[(*path, "token")].reference)
        if made.id in found:
            draft.refuse((*path, "endpoint"), f"is the same as {shown(('models', numbers[made.id]))}, model and all. "
                                              "Remove one of them.")
            continue
        found[made.id], numbers[made.id] = made, number
    return tuple(found.values())


def _required() -> list[str]:
    return [name for name, field in MODEL.items() if "knob" in field.metadata and knob_of(field).required]


def _service(draft: Draft, config: PlaneConfig) -> PlaneConfig:
    """``service`` says where ``server`` and ``sync`` say nothing."""
    service = config.service
    if service.port and ("server", "port") not in draft.given:
        config = replace(config, server=replace(config.server, port=service.port))
    if not service.registry or ("sync", "mode") in draft.given:
        return config
    if service.registry in ("local", "redis"):
        return replace(config, sync=replace(config.sync, mode=service.registry))
    scheme, _, members = service.registry.partition("://")
    if scheme not in ("http", "https", "etcd") or not members.strip("/"):
        draft.refuse(("service", "registry"), "is no registry. Give local, redis, or http://host:2379 for etcd.")
        return config
    etcd = config.sync.etcd or tuple(each for each in members.strip("/").split(",") if each)
    return replace(config, sync=replace(config.sync, mode="raft", etcd=etcd))


def _contradictions(draft: Draft, config: PlaneConfig) -> None:
    if config.auth.enabled and not config.auth.api_key and draft.whole(("auth", "api_key")):
        draft.refuse(("auth", "api_key"), "is empty while auth.enabled is true. Set it, best as env:NAME.")
    if config.breaker.max_open_seconds < config.breaker.open_seconds:
        draft.refuse(("breaker", "max_open_seconds"), "is less than breaker.open_seconds. Raise it.")
    path = config.server.context_path
    if path and (not path.startswith("/") or "//" in path or path.endswith("/")) and path != "/":
        draft.refuse(("server", "context_path"), f"{path!r} is no path. Start it with one slash and end it with none.")
    _sync(draft, config.sync)


def _sync(draft: Draft, sync: Sync) -> None:
    if sync.mode == "raft" and not sync.etcd and draft.whole(("sync", "etcd")):
        draft.refuse(("sync", "etcd"), "is empty while sync.mode is raft. Name etcd's members, like [127.0.0.1:2379].")
    if sync.election_timeout < 3 * sync.heartbeat_interval:
        draft.refuse(("sync", "election_timeout"), "is less than three times sync.heartbeat_interval, so a healthy "
                                                   "leader would be replaced. Raise it or lower the interval.")
