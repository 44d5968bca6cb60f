"""Text at rest, sealed with its user's key: AES-256-GCM (NIST SP 800-38D)."""

from __future__ import annotations

import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from memoryos_tasks.core.errors import Unreadable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vault import Vault

#: Stands before what is sealed in this way. Text without it was stored before there were keys, and is taken as it is.
PREFIX = "mos1:"
#: Bytes of a key's id, of the nonce (96 bits, random), and of the tag behind the text.
ID, NONCE, TAG = 8, 12, 16


class SealedCodec:
    """``mos1:`` and the Base64 of key id, nonce, sealed text and tag; the owner is authenticated with it.

    :meth:`open` raises :class:`Unreadable` when the key is not in the vault or the text was tampered with; both raise
    :class:`VaultDown`.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def seal(self, owner: Owner, text: str) -> str:
        key = self._vault.current(owner)
        nonce = os.urandom(NONCE)
        body = AESGCM(key.secret).encrypt(nonce, text.encode(), _whose(owner))
        return PREFIX + binascii.b2a_base64(key.id + nonce + body, newline=False).decode()

    def open(self, owner: Owner, sealed: str) -> str:
        if not sealed.startswith(PREFIX):
            return sealed
        try:
            body = binascii.a2b_base64(sealed[len(PREFIX) :], strict_mode=True)
        except (binascii.Error, ValueError):
            return sealed  # A text that happens to begin so.
        if len(body) < ID + NONCE + TAG:
            return sealed
        key = self._vault.find(owner, body[:ID])
        if key is None:
            raise Unreadable
        try:
            text = AESGCM(key.secret).decrypt(body[ID : ID + NONCE], body[ID + NONCE :], _whose(owner))
        except InvalidTag as error:
            raise Unreadable("This sealed text was changed, or belongs to another user.") from error
        return text.decode()

    def key_of(self, text: str) -> bytes | None:
        if not text.startswith(PREFIX):
            return None
        try:
            # Sixteen characters of Base64 hold twelve bytes, the id among them.
            head = binascii.a2b_base64(text[len(PREFIX) : len(PREFIX) + 16], strict_mode=True)
        except (binascii.Error, ValueError):
            return None
        return head[:ID] if len(head) >= ID else None


def _whose(owner: Owner) -> bytes:
    return f"{owner.tenant}\0{owner.user}".encode()
