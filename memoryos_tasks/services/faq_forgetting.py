"""What an erasure does to a tenant's FAQs."""

from __future__ import annotations

from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.faq import EXPORT_USER, Shelf
from memoryos_tasks.ports.remains import Remains
from memoryos_tasks.ports.vault import Vault

#: A time that nothing exceeds.
ALWAYS = 2.0**62


class FaqForgetting:
    """Removes a user's questions, the FAQs in the user's words, and the documents in which those may stand."""

    def __init__(self, shelf: Shelf, remains: Remains, vault: Vault) -> None:
        self._shelf = shelf
        self._remains = remains
        self._vault = vault

    def user(self, owner: Owner) -> int:
        """How many questions the user had asked. Documents that were put elsewhere are replaced by the next export.

        Raises :class:`TruthDown`, :class:`TrafficDown` and :class:`VaultDown`.
        """
        gone = self._shelf.forget(owner)
        exports = Owner(owner.tenant, EXPORT_USER)
        if gone:
            self._remains.stop(exports)
            self._vault.retire(exports)
            self._remains.remove_jobs(exports, ALWAYS)
            self._vault.destroy(exports, self._vault.retired(exports))
        return gone
