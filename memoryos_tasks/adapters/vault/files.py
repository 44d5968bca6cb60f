"""A vault of files: one small file a key, in a directory that only its user can read.

``{vault}/{tenant}/{two digits}/{user}.key`` is the key in use, ``{user}.{key id}.old`` one that is retired,
``{vault}/{tenant}/secret`` the tenant's secret, and ``{vault}/identity`` names the vault. Users are named by a hash.
The file system keeps processes apart: a key appears whole under its name or not at all (``link``), and is retired by a
new name (``rename``).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from memoryos_tasks.core.errors import ConfigError, VaultDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vault import Key

K = TypeVar("K")

#: Bytes of a key's id, and of a key.
ID, KEY = 8, 32
#: Seconds for which a key in memory seals, and opens, without a look at its file. Another process that retires a key
#: has to wait for longer than the first before it counts on it, with what was sealed and is on its way.
SEALS_SECONDS, TRUSTED_SECONDS = 0.1, 1.0
#: Keys kept in memory, and for how many seconds at the most; those read first go first.
MOST_KEPT, KEPT_SECONDS = 10_000, 60.0
#: Seconds after which a key's name in its directory is on disk for certain.
YOUNG_SECONDS = 60.0


@dataclass(slots=True)
class _Kept:
    """A key in memory, the file it came from, what tells that file from another, when it was read, and when its file
    was looked at last."""

    key: Key
    path: str
    stamp: tuple[int, int]
    seen: float
    looked: float = 0.0


class FileVault:
    """See :class:`memoryos_tasks.ports.vault.Vault`. Safe to use from many threads and processes, across forks too.

    Raises :class:`ConfigError` when the directory cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = threading.Lock()
        self._current: OrderedDict[Owner, _Kept] = OrderedDict()
        self._found: OrderedDict[tuple[Owner, bytes], _Kept] = OrderedDict()
        self._secrets: dict[str, bytes] = {}
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            probe = path / f".probe-{secrets.token_hex(8)}"
            _write(probe, b"")
            probe.unlink()
        except OSError as error:
            raise ConfigError(
                f"vault.path: the users' keys cannot be kept in {path} ({error.strerror or error}), and nothing is "
                "stored unsealed. Give a directory that this user may write.", param="vault.path",
            ) from error

    @property
    def identity(self) -> str:
        """Names this vault among others; made with it."""
        with _vault_errors():
            path = str(self.path / "identity")
            return (_read(path, 0) or _create(path, secrets.token_bytes(KEY), 0)).key.secret.hex()

    def current(self, owner: Owner) -> Key:
        kept, now = self._current.get(owner), time.monotonic()
        if kept is not None and now - kept.looked < SEALS_SECONDS:
            return kept.key
        with _vault_errors():
            if kept is not None and _stamp(kept.path) == kept.stamp:
                kept.looked = now
                return kept.key
            kept = self._made(owner)
        self._keep(self._current, owner, kept)
        return kept.key

    def find(self, owner: Owner, id: bytes) -> Key | None:
        kept = self._found.get((owner, id))
        now = time.monotonic()
        if kept is not None and now - kept.seen < TRUSTED_SECONDS:
            return kept.key
        with _vault_errors():
            for path in (self._file(owner), self._file(owner, id)):
                fresh = _read(path, ID)
                if fresh is not None and fresh.key.id == id:
                    self._keep(self._found, (owner, id), fresh)
                    return fresh.key
        with self._guard:
            self._found.pop((owner, id), None)
        return None

    def retire(self, owner: Owner) -> None:
        with _vault_errors():
            key = _read(self._file(owner), ID)
            with self._guard:
                self._current.pop(owner, None)
            if key is not None:
                with suppress(FileNotFoundError):  # Another process was first.
                    os.rename(key.path, self._file(owner, key.key.id))
                _sync(os.path.dirname(key.path))

    def retired(self, owner: Owner) -> tuple[bytes, ...]:
        folder, name = os.path.split(self._file(owner))
        prefix = f"{name.removesuffix('.key')}."
        with _vault_errors():
            names = os.listdir(folder) if os.path.isdir(folder) else []
        return tuple(
            bytes.fromhex(name[len(prefix) : -4])
            for name in sorted(names)
            if name.startswith(prefix) and name.endswith(".old")
        )

    def destroy(self, owner: Owner, ids: Sequence[bytes]) -> None:
        with self._guard:
            for id in ids:
                self._found.pop((owner, id), None)
            if (kept := self._current.get(owner)) is not None and kept.key.id in ids:
                del self._current[owner]
        with _vault_errors():
            for id in ids:
                path = self._file(owner, id)
                with suppress(FileNotFoundError):
                    _overwrite(path)
                    os.unlink(path)
            folder = os.path.dirname(self._file(owner))
            if os.path.isdir(folder):
                _sync(folder)

    def secret(self, tenant: str) -> bytes:
        known = self._secrets.get(tenant)
        if known is None:
            with _vault_errors():
                path = str(self.path / tenant / "secret")
                kept = _read(path, 0) or _create(path, secrets.token_bytes(KEY), 0)
            known = self._secrets[tenant] = kept.key.secret
        return known

    def _made(self, owner: Owner) -> _Kept:
        path = self._file(owner)
        kept = _read(path, ID)
        if kept is None:
            return _create(path, secrets.token_bytes(ID + KEY), ID)
        if time.time() - kept.stamp[1] / 1e9 < YOUNG_SECONDS:
            _sync(os.path.dirname(path))  # Its maker may not have come to that yet.
        return kept

    def _file(self, owner: Owner, id: bytes = b"") -> str:
        name = hashlib.blake2b(owner.user.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return str(self.path / owner.tenant / name[:2] / (f"{name}.{id.hex()}.old" if id else f"{name}.key"))

    def _keep(self, kept: OrderedDict[K, _Kept], name: K, key: _Kept) -> None:
        with self._guard:
            kept.pop(name, None)
            kept[name] = key
            while len(kept) > MOST_KEPT or key.seen - next(iter(kept.values())).seen > KEPT_SECONDS:
                kept.popitem(last=False)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns


def _read(path: str, id_bytes: int) -> _Kept | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        stat, body = os.fstat(descriptor), os.read(descriptor, 256)
    finally:
        os.close(descriptor)
    if len(body) != id_bytes + KEY:
        raise VaultDown(f"The key file {path} is damaged: restore the vault from its backup.")
    return _Kept(Key(body[:id_bytes], body[id_bytes:]), path, (stat.st_ino, stat.st_mtime_ns), time.monotonic())


def _create(path: str, body: bytes, id_bytes: int) -> _Kept:
    """Put a new key under the name, on disk before anybody can read it; the one of another process if it was first."""
    folder = os.path.dirname(path)
    for _ in range(100):
        for made in (os.path.dirname(folder), folder):
            Path(made).mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = f"{path}.{secrets.token_hex(8)}.new"
        _write(Path(fresh), body)
        try:
            with suppress(FileExistsError):
                os.link(fresh, path)
        finally:
            os.unlink(fresh)
        _sync(folder, os.path.dirname(folder), os.path.dirname(os.path.dirname(folder)))
        kept = _read(path, id_bytes)
        if kept is not None:  # Else it was retired at once.
            return kept
    raise VaultDown


def _write(path: Path, body: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, body)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _overwrite(path: str) -> None:
    """Write over the bytes first: where the file system writes in place, nothing is left of them."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, secrets.token_bytes(ID + KEY))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(*folders: str) -> None:
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _vault_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VaultDown(f"The users' keys cannot be read or written: {error.strerror or error}.") from error
