"""What a stack consists of for these settings: its directory, its programs and their environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from memoryos_app.stack.datadir import GATEWAY, DataDir
from memoryos_app.stack.engine import admit, find_redis
from memoryos_app.stack.port import address, is_free, kept_ports
from memoryos_app.stack.program import Program, Role, app_programs, redis_program
from memoryos_app.stack.ready import base_url
from memoryos_app.stack.supervisord import configuration
from memoryos_tasks.adapters.config.toml import config_path
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.settings import Settings


class PortTaken(ConfigError):
    """The port is in use."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is needed to start; ``stores`` says in words which Redis servers are used, ``keys`` whether calls
    need an API key."""

    data: DataDir
    programs: tuple[Program, ...]
    environ: dict[str, str]
    supervisor_file: Path
    host: str
    port: int
    stores: str
    keys: bool


def make_plan(settings: Settings, environ: Mapping[str, str], apps: Sequence[Program] | None = None) -> Plan:
    """Claim the data directory and write what the children need into it.

    ``settings`` are those of ``toml.read``: Redis URLs that nobody has set are empty, and get an embedded server.
    Raises :class:`ConfigError`, :class:`PortTaken` among them.
    """
    host, port = settings.gateway.host, settings.gateway.port
    data = DataDir(settings.data_dir)
    try:
        FileVault(settings.vault_dir)
        if not is_free(host, port):
            raise PortTaken(f"Port {port} on {host} is in use. Stop what listens there or choose another with --port.")
        stores, words = _stores(settings, data)
        programs = (*stores, *(app_programs(settings.worker.chat_processes) if apps is None else apps))
        data.write(GATEWAY, base_url(host, port) + "\n")
        file = data.write("supervisord.conf", configuration(data, programs))
    except BaseException:
        data.release()
        raise
    return Plan(data, programs, _environ(settings, environ), file, host, port, words,
                settings.auth_required)


def _stores(settings: Settings, data: DataDir) -> tuple[list[Program], str]:
    """The embedded Redis servers that are needed; the URLs in use are left where others find them."""
    given: dict[Role, str] = {"truth": settings.redis.truth_url, "traffic": settings.redis.traffic_url}
    roles: list[Role] = [role for role, url in given.items() if not url]
    programs, words = [], "Redis at " + " and ".join(dict.fromkeys(address(url) for url in given.values() if url))
    if roles:
        binary = find_redis()
        version = admit(data.path, binary)
        ports = kept_ports(data.path / "ports.json", roles)
        for role in roles:
            given[role] = f"redis://127.0.0.1:{ports[role]}/0"
            programs.append(redis_program(role, binary, ports[role], data.path / role))
        words = f"Redis {version} for {' and '.join(roles)}"
    data.write("redis.url", given["truth"] + "\n")
    data.write("broker.url", given["traffic"] + "\n")
    return programs, words


def _environ(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The children's environment: ours, with what the command line has settled."""
    settled = {name: value for name, value in environ.items() if name != "MEMORYOS__DATA_DIR"}
    settled["MEMORYOS_DATA_DIR"] = str(settings.data_dir)
    settled["MEMORYOS__GATEWAY__HOST"] = settings.gateway.host
    settled["MEMORYOS__GATEWAY__PORT"] = str(settings.gateway.port)
    settled["PYTHONUNBUFFERED"] = "1"
    file = config_path(environ)
    if file is not None:
        settled["MEMORYOS_CONFIG"] = str(file.absolute())
    if environ.get("MEMORYOS_MCP_CONFIG"):
        settled["MEMORYOS_MCP_CONFIG"] = str(Path(environ["MEMORYOS_MCP_CONFIG"]).expanduser().absolute())
    return settled
