"""``memoryos up``: the whole system in the foreground."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from memoryos_app.stack.plan import make_plan
from memoryos_app.stack.up import Stack
from memoryos_tasks.adapters.config.toml import read
from memoryos_tasks.core.errors import ConfigError


@click.command("up")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the gateway.  [default: gateway.port, 8080]")
@click.option("--host", help="Address of the gateway.  [default: gateway.host, 127.0.0.1]")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path),
              help="Where all data is kept.  [default: ./.memoryos]")
def command(port: int | None, host: str | None, data_dir: Path | None) -> None:
    """Start Redis, a worker, beat and the gateway, and keep them running until Ctrl-C.

    Prints a line when it is ready. Exit codes: 0 stopped by a signal, 1 the supervisor died, 2 it could not start.
    """
    environ = dict(os.environ)
    if port is not None:
        environ["MEMORYOS__GATEWAY__PORT"] = str(port)
    if host is not None:
        environ["MEMORYOS__GATEWAY__HOST"] = host
    if data_dir is not None:
        environ["MEMORYOS__DATA_DIR"] = str(data_dir)
    try:
        plan = make_plan(read(environ), environ)
    except ConfigError as error:
        click.echo(error.message, err=True)
        sys.exit(2)
    sys.exit(Stack(plan).run())
