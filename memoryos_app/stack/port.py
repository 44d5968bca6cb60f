"""Free and taken TCP ports."""

from __future__ import annotations

import errno
import json
import random
import socket
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from memoryos_tasks.core.errors import ConfigError

#: Below the range that the kernel gives to outgoing connections, so that none of them sits on a port of ours.
_RANGE = range(20000, 32000)


def address(url: str) -> str:
    """Host and port of a Redis URL, without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname or '127.0.0.1'}:{parts.port or 6379}"


def is_free(host: str, port: int, *, section: str = "gateway") -> bool:
    """Whether a server could listen there now. Raises :class:`ConfigError` when ``host`` is not of this machine;
    ``section`` is the one of the configuration that it names."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        said = f"{section}.host: {host!r} does not resolve ({error}). Give an address of this machine."
        raise ConfigError(said) from error
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError as error:
            said = f"{section}.port: {port} may not be opened by this user. Choose one above 1023."
            raise ConfigError(said) from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise ConfigError(f"{section}.host: {host!r} is not an address of this machine. Give one.") from error
            return False
    return True


def kept_ports(note: Path, names: Iterable[str]) -> dict[str, int]:
    """A free loopback port for each name: the one noted in the file ``note`` if it is still free, else a new one."""
    noted: dict[str, int] = {}
    if note.is_file():
        try:
            noted = {str(name): int(port) for name, port in json.loads(note.read_text(encoding="utf-8")).items()}
        except (ValueError, AttributeError, TypeError):
            noted = {}
    ports: dict[str, int] = {}
    for name in names:
        port = noted.get(name, 0)
        if port not in _RANGE or port in ports.values() or not is_free("127.0.0.1", port):
            port = _fresh(set(ports.values()) | set(noted.values()))
        ports[name] = port
    note.write_text(json.dumps(ports) + "\n", encoding="utf-8")
    return ports


def _fresh(taken: set[int]) -> int:
    for port in random.sample(_RANGE, 200):
        if port not in taken and is_free("127.0.0.1", port):
            return port
    raise ConfigError("No free TCP port was found between 20000 and 32000. Stop something that listens there.")
