"""The control plane as a server of its own: ``python -m memoryos_app.mcp_server --config mcp_config.yaml``.

It runs on an existing broker and existing workers. It checks its environment and prints each check, then it listens.
Exit code 2: it could not start, and each fault is a line that says what to do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from memoryos_app.plane import checks_host
from memoryos_app.plane.checks import Check, Level, fault, ok, tell, warn
from memoryos_tasks.adapters.config.toml import load
from memoryos_tasks.adapters.plane.files import config_file
from memoryos_tasks.adapters.plane.reload import LivePlane
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.plane.config import Endpoint, PlaneConfig, model_names
from memoryos_tasks.core.settings import Settings

#: It could not start.
FAULT = 2


@click.command("mcp-server", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "file", type=click.Path(path_type=Path),
              help="The plane's file.  [env: MEMORYOS_MCP_CONFIG; default: mcp_config.yaml]")
@click.option("--check", is_flag=True, help="Check everything and do not start.")
def main(file: Path | None, check: bool) -> None:
    """Run the model control plane on an existing broker and workers."""
    if not tell(_machine()):
        sys.exit(FAULT)
    try:
        settings = load(os.environ)
        live = LivePlane(os.environ, config_file(os.environ, file))
    except ConfigError as error:
        tell(fault("config", line) for line in error.message.splitlines() if not line.endswith(":"))
        sys.exit(FAULT)
    found: list[Endpoint] = []
    if not tell(_surroundings(live, settings, found)):
        sys.exit(FAULT)
    _say_models(live.current, found)
    if check:
        return
    from memoryos_app.plane.serve import serve

    serve(live, settings)


def _machine() -> Iterator[Check]:
    yield checks_host.python()
    yield from checks_host.packages()


def _surroundings(live: LivePlane, settings: Settings, found: list[Endpoint]) -> Iterator[Check]:
    """Everything that the configuration names; ``found`` gets the endpoints that the registry has."""
    from memoryos_app.plane import checks_endpoints, checks_stores

    config = live.current
    yield ok("config", f"{live.loaded.path} is valid")
    variables = sorted({each.token_from.removeprefix("env:") for each in config.models if each.token_from})
    if variables:
        # The registry keeps the names alone, and the worker that makes the call looks them up.
        yield ok("tokens", f"are read from {', '.join(variables)}; the workers need these variables too")
    if config.sync.mode != "redis":
        # Without it a worker looks into Redis, where this registry is not.
        yield warn("workers", f"with sync.mode {config.sync.mode} every worker needs a file with the same sync section "
                              "(MEMORYOS_MCP_CONFIG)")
    if not config.mcp.enabled:
        yield fault("config", "mcp.enabled is false, so there is nothing to start. Set it to true or remove it.")
        return
    yield from checks_host.directories(settings, config)
    yield from checks_host.port(config)
    stores = checks_stores.Stores(settings)
    reachable = list(stores.reachable())
    yield from reachable
    good = all(each.level is Level.OK for each in reachable)
    if good:
        yield stores.vault()
        yield stores.clock()
        yield from checks_stores.inference(stores)
    stores.close()
    # In Redis it is the store, of which all has been said.
    if good or config.sync.mode != "redis":
        said, endpoints = checks_endpoints.registry(config, settings)
        yield said
        found += endpoints


def _say_models(config: PlaneConfig, found: list[Endpoint]) -> None:
    """The models that will be there: those of the registry and those that the file brings."""
    every = {each.id: each for each in (*found, *config.models)}
    for name in model_names(list(every.values())):
        count = sum(each.model == name for each in every.values())
        click.echo(f"{'model':20}{name}, {count} endpoint{'s' if count > 1 else ''}")
    if not every:
        click.echo(f"{'model':20}none yet; register one, or add it to the configuration")


if __name__ == "__main__":
    main()
