"""``memoryos doctor``: what is wrong, and what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import requests

from memoryos_app.cli.api import server_options
from memoryos_app.plane import checks_endpoints, checks_host, checks_stores
from memoryos_app.plane.checks import Check, Level, fault, ok, tell, warn
from memoryos_app.stack.ready import base_url
from memoryos_tasks.adapters.config.toml import load
from memoryos_tasks.adapters.plane.files import VARIABLE, Loaded, config_file
from memoryos_tasks.adapters.plane.files import load as load_plane
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.settings import Settings

#: Seconds that a server has to answer.
PATIENCE = 3.0


@click.command("doctor")
@click.option("--config", "file", type=click.Path(path_type=Path),
              help="The control plane's file.  [env: MEMORYOS_MCP_CONFIG; default: mcp_config.yaml, if there is one]")
@server_options
def command(file: Path | None, url: str, api_key: str) -> None:
    """Look at a running system: versions, stores, clocks, queues, servers, and the control plane's endpoints.

    Each line says what was found and what to do. Exit code 1 when something is in the way.
    """
    # The servers' health calls need no key; the option is there as everywhere.
    del api_key
    sys.exit(0 if tell(_examined(file, url)) else 1)


def _examined(file: Path | None, url: str) -> Iterator[Check]:
    yield checks_host.python()
    yield from checks_host.packages()
    try:
        settings = load(os.environ)
        loaded = _plane(file)
    except ConfigError as error:
        for line in error.message.splitlines():
            if not line.endswith(":"):
                yield fault("config", line)
        return
    yield from checks_host.directories(settings, loaded.config if loaded else None)
    yield from _stores(settings, plane=loaded is None)
    yield _server("gateway", url, "Start it with 'memoryos up', or name it with --url.")
    if loaded is not None:
        yield from _control_plane(loaded, settings, url)


def _plane(file: Path | None) -> Loaded | None:
    path = config_file(os.environ, file)
    wanted = file is not None or bool(os.environ.get(VARIABLE)) or path.is_file()
    return load_plane(os.environ, path) if wanted else None


def _stores(settings: Settings, *, plane: bool) -> Iterator[Check]:
    stores = checks_stores.Stores(settings)
    reachable = list(stores.reachable())
    yield from reachable
    if all(each.level is Level.OK for each in reachable):
        yield from stores.safe()
        yield stores.vault()
        yield stores.clock()
        yield from stores.consumed()
        if plane:
            yield from stores.plane()
    stores.close()


def _control_plane(loaded: Loaded, settings: Settings, url: str) -> Iterator[Check]:
    config = loaded.config
    yield ok("config", f"{loaded.path} is valid")
    if not config.mcp.enabled:
        yield warn("plane", "mcp.enabled is false, so the control plane is off. Set it to true to turn it on.")
        return
    alone = base_url(config.server.host, config.server.port) + config.server.context_path
    fix = f"Start it: mcp-server --config {loaded.path}, or set {VARIABLE} for the gateway and restart it."
    # It runs alone or inside the gateway: one of the two is enough.
    inside = _server("plane", url, fix, "/mcp/health")
    yield inside if inside.level is Level.OK else _server("plane", alone, fix, "/mcp/health")
    said, found = checks_endpoints.registry(config, settings)
    yield said
    if said.level is Level.OK:
        yield from checks_endpoints.endpoints(found or config.models)


def _server(what: str, url: str, fix: str, path: str = "/health/ready") -> Check:
    """Whether a server answers, and what it says is missing."""
    url = url.rstrip("/").removesuffix("/v1")
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url + path, timeout=PATIENCE)
            said = answer.json()
    except requests.ConnectionError:
        return fault(what, f"No server answers at {url}. {fix}")
    except (requests.RequestException, ValueError):
        return fault(what, f"What answers at {url} does not answer as MemoryOS does. See what listens there.")
    if answer.status_code == 404:
        return fault(what, f"{url} has no {path}. {fix}")
    missing = said.get("missing") or [] if isinstance(said, dict) else []
    if answer.status_code != 200 or missing:
        return warn(what, f"{url} is not ready: {', '.join(map(str, missing)) or answer.status_code} is missing. "
                          "The lines above say what to start.")
    return ok(what, f"{url} is ready")
