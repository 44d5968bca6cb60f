"""The plane's configuration from its file and the environment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memoryos_tasks.adapters.plane.files_syntax import Broken, read_json, read_yaml
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.plane.config import PlaneConfig
from memoryos_tasks.core.plane.config_draft import Draft, Given
from memoryos_tasks.core.plane.config_parse import finish, policy_written
from memoryos_tasks.core.plane.policy import Policy, under

#: Names the file; inside the gateway it also turns the plane on.
VARIABLE = "MEMORYOS_MCP_CONFIG"
#: What the file is called when nothing names it.
DEFAULT = "mcp_config.yaml"
PREFIX = "MEMORYOS_MCP__"
#: Bytes of a configuration; more is taken for another file.
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, where each value came from, a digest of the file's bytes, and what the file says for all nodes:
    a node's environment speaks for that node alone."""

    config: PlaneConfig
    given: Mapping[tuple[str, ...], Given]
    path: Path
    digest: str
    policy: Policy | None = None

    def under(self, policy: Policy | None) -> PlaneConfig:
        """The configuration in force where the plane has this policy; what this process' environment sets stays."""
        own = {key for key, given in self.given.items() if given.key.startswith(PREFIX)}
        return under(self.config, policy, own)


def config_file(environ: Mapping[str, str], path: Path | None = None) -> Path:
    """The file to read: ``path``, else what ``MEMORYOS_MCP_CONFIG`` names, else ``mcp_config.yaml``; absolute.

    Symbolic links stay as they are: where they point may change.
    """
    found = path or Path(environ.get(VARIABLE) or DEFAULT)
    return found.expanduser().absolute()


def load(environ: Mapping[str, str], path: Path, content: bytes | None = None) -> Loaded:
    """Defaults, then the file (or its ``content``, read before), then ``MEMORYOS_MCP__SECTION__KEY``.

    Raises :class:`ConfigError`, a line a problem.
    """
    content = content_of(path) if content is None else content
    draft = Draft(environ)
    draft.table(_table(path, content), path.name)
    policy = policy_written(draft)
    _variables(draft, environ)
    return Loaded(finish(draft), draft.given, path, digest(content), policy)


def without_file(environ: Mapping[str, str]) -> Loaded:
    """Defaults, then ``MEMORYOS_MCP__SECTION__KEY``: what a worker has that was given no file. Raises
    :class:`ConfigError`."""
    draft = Draft(environ)
    _variables(draft, environ)
    return Loaded(finish(draft), draft.given, Path(), "")


def _variables(draft: Draft, environ: Mapping[str, str]) -> None:
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX):
            draft.variable(name, name.removeprefix(PREFIX).lower().split("__"), value)


def digest(content: bytes) -> str:
    """What tells one content of the file from another."""
    return hashlib.sha256(content).hexdigest()


def content_of(path: Path) -> bytes:
    """The bytes of the file. Raises :class:`ConfigError`."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file. Create it (mcp_config.example.yaml shows how) or name "
                          f"another with --config or {VARIABLE}.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a directory. Name the file in it.") from None
    except PermissionError:
        raise ConfigError(f"{path}: may not be read by this user. Make it readable (chmod or chown).") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Make it readable.") from error
    if len(content) > _MOST:
        raise ConfigError(f"{path}: is larger than {_MOST} bytes. Is it the right file?")
    return content


def _table(path: Path, content: bytes) -> Any:
    kind, read = ("JSON", read_json) if path.suffix.lower() == ".json" else ("YAML", read_yaml)
    try:
        return read(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8. Save it as UTF-8.") from None
    except Broken as problem:
        raise ConfigError(f"{path}: is not valid {kind} ({problem}). Correct it there.") from None
