"""Where the deployment files are, in a clone and in an installed package."""

from __future__ import annotations

import sys
from pathlib import Path

from memoryos_tasks.core.errors import ConfigError

_HOMES = (Path(__file__).resolve().parents[2] / "deploy", Path(sys.prefix) / "share" / "memoryos" / "deploy")


def deploy_file(name: str) -> Path:
    """The path of a file of ``deploy/``. Raises :class:`ConfigError` when the installation lacks it."""
    for home in _HOMES:
        if (home / name).is_file():
            return home / name
    raise ConfigError(f"deploy/{name}: not found in {' or '.join(map(str, _HOMES))}. Install MemoryOS again.")
