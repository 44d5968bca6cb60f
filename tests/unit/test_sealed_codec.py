"""Sealing: what is stored tells nothing without the key, and the key is gone when it is destroyed."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from memoryos_tasks.adapters.codec.sealed import PREFIX, SealedCodec
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import Unreadable
from memoryos_tasks.core.events import Owner

ALICE, BOB = Owner("acme", "alice"), Owner("acme", "bob")
TEXTS = ("I moved to Lisbon in May.", "我五月搬到了里斯本，现在在医院工作。", "混合 text 表情 🦊", "", "x" * 9_999)


@pytest.fixture
def vault(tmp_path: Path) -> FileVault:
    return FileVault(tmp_path / "vault")


@pytest.fixture
def codec(vault: FileVault) -> SealedCodec:
    return SealedCodec(vault)


@pytest.mark.parametrize("text", TEXTS)
def test_a_sealed_text_opens_again(codec: SealedCodec, text: str) -> None:
    # When a text is sealed
    sealed = codec.seal(ALICE, text)
    # Then it opens, and shows nothing of itself in any encoding
    assert codec.open(ALICE, sealed) == text
    assert not text or text not in sealed
    raw = base64.b64decode(sealed.removeprefix(PREFIX))
    assert len(text) < 8 or (text.encode() not in raw and text.encode("utf-16-le") not in raw)
    # And it takes little more room than its bytes
    assert len(sealed) <= len(text.encode()) * 4 / 3 + 60


def test_the_same_text_is_never_sealed_to_the_same_form(codec: SealedCodec) -> None:
    assert len({codec.seal(ALICE, "yes") for _ in range(50)}) == 50


def test_text_from_before_there_were_keys_is_read_as_it_is(codec: SealedCodec) -> None:
    for text in ("plain text", "写在以前的文字", "mos1: is how sealed texts begin", "mos1:AAAA", "mos1:不是", "mos1:"):
        assert codec.open(ALICE, text) == text


def test_another_user_and_another_tenant_cannot_open_it(codec: SealedCodec) -> None:
    # Given a text of Alice
    sealed = codec.seal(ALICE, "秘密 secret")
    codec.seal(BOB, "has a key too")
    # Then nobody else opens it
    for other in (BOB, Owner("other", "alice"), Owner("acme", "alice\0")):
        with pytest.raises(Unreadable):
            codec.open(other, sealed)


def test_a_changed_text_is_refused(codec: SealedCodec) -> None:
    sealed = codec.seal(ALICE, "the truth")
    body = bytearray(base64.b64decode(sealed.removeprefix(PREFIX)))
    body[-1] ^= 1
    with pytest.raises(Unreadable, match="changed"):
        codec.open(ALICE, PREFIX + base64.b64encode(bytes(body)).decode())


def test_a_copy_of_the_store_is_unreadable_once_the_key_is_destroyed(vault: FileVault, codec: SealedCodec) -> None:
    # Given a text that somebody has copied
    copied, of_bob = codec.seal(ALICE, "gone tomorrow"), codec.seal(BOB, "stays")
    # When the key is retired, it still opens what it sealed
    vault.retire(ALICE)
    assert codec.open(ALICE, copied) == "gone tomorrow"
    fresh = codec.seal(ALICE, "a new beginning")
    # And when it is destroyed, nothing does
    vault.destroy(ALICE, vault.retired(ALICE))
    with pytest.raises(Unreadable):
        codec.open(ALICE, copied)
    # And what came after, and what others have, is whole
    assert codec.open(ALICE, fresh) == "a new beginning"
    assert codec.open(BOB, of_bob) == "stays"
    assert vault.retired(ALICE) == ()


def test_texts_survive_the_process(tmp_path: Path) -> None:
    # Given a text sealed by one process
    sealed = SealedCodec(FileVault(tmp_path / "vault")).seal(ALICE, "remember me")
    # Then the next one opens it
    assert SealedCodec(FileVault(tmp_path / "vault")).open(ALICE, sealed) == "remember me"
    # And one with another vault does not
    with pytest.raises(Unreadable):
        SealedCodec(FileVault(tmp_path / "other")).open(ALICE, sealed)


def test_sealing_is_cheap(codec: SealedCodec) -> None:
    """A guard against a key file read for each text, which would be ten times slower."""
    text = "I work as a nurse in a small hospital near the park." * 2
    codec.seal(ALICE, text)
    before = os.times().user
    for _ in range(2_000):
        codec.open(ALICE, codec.seal(ALICE, text))
    assert os.times().user - before < 0.2
