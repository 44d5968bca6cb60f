"""``memoryos mcp``: the model control plane."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import click

from memoryos_tasks.adapters.plane.files import config_file, load
from memoryos_tasks.core.errors import ConfigError

_FILE = click.option("--config", "file", type=click.Path(path_type=Path),
                     help="The plane's file.  [env: MEMORYOS_MCP_CONFIG; default: mcp_config.yaml]")
#: Commands that are files of their own, imported when they are called.
_OWN = {
    "serve": ("memoryos_app.mcp_server", "main"),
    "report": ("memoryos_app.cli.report", "report"),
}


class Commands(click.Group):
    """The group, with those of :data:`_OWN` among its commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return [*super().list_commands(ctx), *_OWN]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in _OWN:
            return super().get_command(ctx, cmd_name)
        module, name = _OWN[cmd_name]
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.group("mcp", cls=Commands)
def command() -> None:
    """The model control plane."""


@command.group("config")
def config() -> None:
    """Look at the control plane's configuration."""


@config.command("show")
@_FILE
def show(file: Path | None) -> None:
    """Print every key with its value and the place it came from; secrets are not printed."""
    from memoryos_tasks.adapters.plane.files_shown import lines

    try:
        loaded = load(os.environ, config_file(os.environ, file))
    except ConfigError as error:
        click.echo(error.message, err=True)
        sys.exit(2)
    rows = list(lines(loaded))
    left, middle = (max(len(row[column]) for row in rows) for column in (0, 1))
    for key, value, source in rows:
        click.echo(f"{key:{left}}  {value:{middle}}  {source}")


@config.command("check")
@_FILE
def check(file: Path | None) -> None:
    """Say whether the file is valid. Exit code 2 when it is not."""
    path = config_file(os.environ, file)
    try:
        load(os.environ, path)
    except ConfigError as error:
        click.echo(error.message, err=True)
        sys.exit(2)
    click.echo(f"{path} is valid.")
