"""The vault: one key for each user whose texts are stored, kept apart from the texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from memoryos_tasks.core.events import Owner


@dataclass(frozen=True, slots=True)
class Key:
    """A user's key of 32 bytes; ``id`` (8 bytes) is written beside what it sealed."""

    id: bytes
    secret: bytes = field(repr=False)


class Vault(Protocol):
    """Every call raises :class:`VaultDown` when the vault cannot be read or written.

    A key is on disk before it is given out for the first time. Any number of processes may use a vault at once.
    """

    def current(self, owner: Owner) -> Key:
        """The key that seals the owner's texts from now on; made when there is none."""

    def find(self, owner: Owner, id: bytes) -> Key | None:
        """The owner's key of this id, retired or not; None when it was destroyed. A key that another process
        destroyed may be found for a second more."""

    def retire(self, owner: Owner) -> None:
        """Seal nothing more with the owner's key; it still opens. The next text gets a new key.

        Another process may seal with the old one for a tenth of a second more.
        """

    def retired(self, owner: Owner) -> tuple[bytes, ...]:
        """The ids of the owner's keys that are retired and not destroyed."""

    def destroy(self, owner: Owner, ids: Sequence[bytes]) -> None:
        """Destroy these retired keys; those that are gone already are left out."""

    def secret(self, tenant: str) -> bytes:
        """The tenant's secret of 32 bytes, which keys the hashes of its words; it never changes."""
