"""The one gate that all stored text passes."""

from __future__ import annotations

from typing import Protocol

from memoryos_tasks.core.events import Owner


class Codec(Protocol):
    """``open(owner, seal(owner, text)) == text``; nothing else may be assumed of the sealed form.

    Raises :class:`VaultDown` when the owner's key cannot be read or kept.
    """

    def seal(self, owner: Owner, text: str) -> str:
        """The form in which ``text`` may be stored."""

    def open(self, owner: Owner, sealed: str) -> str:
        """The text again. Raises :class:`Unreadable` when its key was destroyed."""


class KeyedCodec(Codec, Protocol):
    """A codec whose sealed texts tell their keys."""

    def key_of(self, text: str) -> bytes | None:
        """The id of the key that a text seems to be sealed with; None for one that is not sealed."""
