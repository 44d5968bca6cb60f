"""The command line ``memoryos``; each command is a file of this package, imported when it is called."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version

import click

COMMANDS = {
    "up": "Start everything on this machine and keep it running.",
    "status": "Say whether a running MemoryOS is well.",
    "doctor": "Look at a running system and say what to do.",
    "chat": "Talk to a model that remembers.",
    "load": "Load a conversation from a file into a user's memory.",
    "retrieve": "Search a user's memory.",
    "export": "Write all that is remembered of a user into a file.",
    "import": "Bring an export, or another system's memory, into a user's memory.",
    "bench": "Measure a running MemoryOS.",
    "dlq": "Look at dead letters; replay or purge them.",
    "keys": "Make, list and revoke API keys.",
    "mcp": "The model control plane.",
}


class Commands(click.Group):
    """A group whose commands are known by name and loaded on use."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """All names, in the order of :data:`COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"memoryos_app.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in ``--help``, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version() -> str:
    try:
        return version("memoryos")
    except PackageNotFoundError:
        return "unknown"


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="memoryos")
def main() -> None:
    """A memory for agents and chat products that speaks the OpenAI protocol."""
