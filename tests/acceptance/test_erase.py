"""Erase means erase: after the receipt nothing gives back what a user said, and no older copy can be read."""

from __future__ import annotations

import base64
import json
import re
import secrets
import shutil
import string
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from acceptance.system import System, until
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ALICE, BOB = "alice 爱丽丝", "bob"
#: Events of the erased user: enough for pages, segments and facts beside the turns.
EVENTS = 60


#: Bytes of a sealed text at least: the key's id, the nonce, the tag.
SHORTEST = 8 + 12 + 16

#: The first half of a token is the user's, so that one search of a file finds every token.
HALF = 12


def _letters(count: int = HALF) -> str:
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(count))


def _texts(token: str, at: int) -> str:
    sentences = (
        f"My password for the bank is {token}.", f"我的密码是{token}，不要告诉别人。", f"I live in {token}.",
        f"My favourite colour is {token}.", f"我喜欢{token}。", f"My name is {token}.",
    )
    return sentences[at % len(sentences)]


def _forms(token: str) -> Iterator[bytes]:
    """The token in the encodings that anything could store it in; base64 in its three alignments."""
    raw = token.encode()
    yield from (raw, token.upper().encode(), token.encode("utf-16-le"), token.encode("utf-16-be"))
    yield from (raw.hex().encode(), raw.hex().upper().encode(), token[::-1].encode())
    for code in (raw, token.encode("utf-16-le")):
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + code)
            # Without the characters that the neighbours have a part in.
            yield whole[4 if shift else 0 : -4]


def _found(folder: Path, tokens: list[str]) -> list[str]:
    """The files under the folder that hold a token."""
    forms = list(_forms(tokens[0][:HALF]))
    hits = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            body = path.read_bytes()
            hits += [f"{path.relative_to(folder)}: {form!r}" for form in forms if form in body]
    return hits


def _keys(vault: Path) -> dict[bytes, bytes]:
    """The users' keys in a vault, by their ids, retired ones too."""
    bodies = [path.read_bytes() for path in vault.rglob("*") if path.suffix in (".key", ".old")]
    return {body[:8]: body[8:] for body in bodies if len(body) == 40}


def _opened(folder: Path, user: str, keys: Mapping[bytes, bytes]) -> bytes:
    """All sealed texts of the user in the files under the folder that one of these keys opens."""
    found: list[bytes] = []
    for path in folder.rglob("*"):
        if not path.is_file() or path.is_symlink() or "vault" in path.parts:
            continue
        for match in re.finditer(rb"mos1:([A-Za-z0-9+/]+=*)", path.read_bytes()):
            # What stands behind the text may look like more of it.
            whole = match[1].rstrip(b"=")
            body = base64.b64decode(whole + b"=" * (-len(whole) % 4)) if len(whole) % 4 != 1 else b""
            # One that a file cut short holds nothing that can be opened.
            if len(body) >= SHORTEST and body[:8] in keys:
                try:
                    found.append(AESGCM(keys[body[:8]]).decrypt(body[8:20], body[20:], f"default\0{user}".encode()))
                except InvalidTag:
                    continue
    return b"\n".join(found)


def _ended(system: System, job_id: str) -> dict[str, Any]:
    job = system.get(f"/v1/jobs/{job_id}").json()
    return dict(job) if job["status"] not in ("queued", "running") else {}


def _fill(system: System, user: str) -> list[str]:
    """Events, a chat and reads of the user; the tokens in them."""
    mine = _letters()
    tokens = [mine + _letters() for _ in range(EVENTS + 1)]
    messages = [
        {"role": "assistant" if at % 5 == 4 else "user", "content": _texts(token, at), "event_id": f"e{at}",
         "name": f"Ann {token}", "metadata": {"note": token}}
        for at, token in enumerate(tokens[:EVENTS])
    ]
    for start in range(0, EVENTS, 20):
        answer = system.post("/v1/memory/add", {"user_id": user, "messages": messages[start : start + 20]})
        assert answer.status_code in (200, 202), answer.text
    system.chat(f"My dog is called {tokens[-1]}.", user=user)
    system.post("/v1/memory/retrieve", {"user_id": user, "query": tokens[-1]})
    # What fails for good is kept too.
    failing = {"model": "nonsense/none", "user": user, "messages": [{"role": "user", "content": tokens[-1]}]}
    system.post("/v1/chat/completions", failing)
    return tokens


def _doors(system: System, user: str, tokens: list[str]) -> str:
    """All that the calls say of the user."""
    said = [
        system.post("/v1/memory/retrieve", {"user_id": user, "query": query, "limit": 100}).text
        for query in (tokens[0], "What is my password?", "我的密码是什么？", "Where do I live?")
    ]
    said.append(system.get("/v1/memory/events", params={"user_id": user, "limit": 1000}).text)
    said.append(system.get("/v1/memory/profile", params={"user_id": user}).text)
    letters = system.get("/v1/admin/dlq", params={"limit": 100}).json()["letters"]
    said += [system.get(f"/v1/admin/dlq/{letter['id']}", params={"payload": "true"}).text for letter in letters]
    return "\n".join(said)


def _consolidated(system: System, user: str) -> bool:
    events = system.get("/v1/memory/events", params={"user_id": user, "limit": 1000}).json()["events"]
    return len({event["place"] for event in events}) > 2


def test_the_search_of_the_files_finds_every_form(tmp_path: Path) -> None:
    # Given a token stored unsealed, in each encoding, inside of other bytes
    token = _letters(2 * HALF)
    said = f"我说 {token} here"
    for body in (said.encode(), said.encode("utf-16-le"), said.encode("utf-16-be"), said.encode().hex().encode(),
                 *(base64.b64encode(b"x" * shift + said.encode()) for shift in range(3)),
                 *(base64.b64encode(b"x" * shift + said.encode("utf-16-le")) for shift in range(3))):
        (tmp_path / "file").write_bytes(b"\0\1" + body + b"\2")
        # Then the search finds it
        assert _found(tmp_path, [token]), body


@pytest.mark.timeout(240)
def test_an_erased_user_is_gone_from_every_file_and_every_answer(make_system: Callable[..., System]) -> None:
    # Given two users with memories in every tier
    system = make_system({"MEMORYOS__MEMORY__IDLE_SECONDS": "1"})
    tokens, others = _fill(system, ALICE), _fill(system, BOB)
    for user in (ALICE, BOB):
        until(lambda user=user: _consolidated(system, user), seconds=30, what="pages")
    assert tokens[0] in _doors(system, ALICE, tokens)
    # And a backup of the data directory, without the vault
    copy = system.data_dir.parent / "backup"
    shutil.copytree(system.data_dir, copy, ignore=shutil.ignore_patterns("vault", "*.sock"))
    assert _found(copy, tokens) == []
    # When one of them is erased
    accepted = system.post("/v1/memory/erase", {"user_id": ALICE})
    assert accepted.status_code == 202
    job_id = accepted.json()["job_id"]

    def ended() -> dict[str, object]:
        job = system.get(f"/v1/jobs/{job_id}").json()
        return dict(job) if job["status"] not in ("queued", "running") else {}

    job = until(ended, seconds=90, what="the receipt")
    receipt = job["result"]
    assert job["status"] == "succeeded", job
    assert receipt["verified"] is True, receipt
    assert receipt["key_destroyed"] is True, receipt
    assert receipt["file_rewritten"] is True, receipt
    assert min(receipt["removed"][place] for place in ("events", "memories", "jobs")) > 0, receipt
    # Then no file holds anything of it, nor does any answer
    assert _found(system.data_dir, tokens) == []
    said = _doors(system, ALICE, tokens) + json.dumps(job)
    assert [token for token in tokens if token in said] == []
    assert system.get("/v1/memory/events", params={"user_id": ALICE}).json()["events"] == []
    # And the backup opens neither for the key that is gone nor for anybody else's
    assert receipt["stayed"] == 0, receipt
    assert list((system.data_dir / "vault").rglob("*.old")) == []
    assert _found(copy, tokens) == []
    # And the other user has everything
    events = system.get("/v1/memory/events", params={"user_id": BOB, "limit": 1000}).json()["events"]
    assert [token for token in others if not any(token in event["content"] for event in events)] == []
    found = system.post("/v1/memory/retrieve", {"user_id": BOB, "query": "What is my dog called?"}).json()
    assert others[-1] in json.dumps(found)
    # And the user may come back, as nobody who was here before
    back = {"user_id": ALICE, "role": "user", "content": "I like pears. 我喜欢梨。", "event_id": "e0"}
    assert system.post("/v1/memory/add", back).json()["duplicates"] == []
    assert "pears" in system.post("/v1/memory/retrieve", {"user_id": ALICE, "query": "pears"}).text


@pytest.mark.timeout(240)
def test_a_killed_erasure_is_completed(make_system: Callable[..., System]) -> None:
    # Given an erasure whose worker is killed while it runs
    system = make_system()
    tokens = _fill(system, ALICE)
    job_id = system.post("/v1/memory/erase", {"user_id": ALICE}).json()["job_id"]
    until(lambda: system.get(f"/v1/jobs/{job_id}").json()["status"] == "running", seconds=20, what="a run")
    time.sleep(2.2)
    system.kill("celery", "worker")
    # Then the next run completes it
    job = until(
        lambda: (job := system.get(f"/v1/jobs/{job_id}").json())["status"] == "succeeded" and job,
        seconds=100, what="the receipt",
    )
    assert job["result"]["verified"] is True
    assert _found(system.data_dir, tokens) == []
    with redis.Redis.from_url(system.truth_url, decode_responses=True) as truth:
        named = {key for key in truth.scan_iter() if "alice" in key}
    assert all(":fence:" in key for key in named), named


@pytest.mark.timeout(240)
def test_an_erased_item_is_gone_from_every_file_and_the_rest_is_there(make_system: Callable[..., System]) -> None:
    # Given a user with memories in every tier, and a copy of the keys as they are
    system = make_system({"MEMORYOS__MEMORY__IDLE_SECONDS": "1"})
    tokens = _fill(system, ALICE)
    until(lambda: _consolidated(system, ALICE), seconds=30, what="pages")
    vault = system.data_dir / "vault"
    before = _keys(vault)
    events = system.get("/v1/memory/events", params={"user_id": ALICE, "limit": 1000}).json()["events"]
    gone, kept = tokens[0], tokens[1:EVENTS]
    items: list[dict[str, Any]] = []
    cursor = None
    while cursor is not None or not items:
        asked = {"user_id": ALICE, "kind": "turn", **({"cursor": cursor} if cursor else {})}
        page = system.get("/v1/memory/items", params=asked).json()
        items, cursor = [*items, *page["items"]], page["next_cursor"]
    (item,) = [row["id"] for row in items if gone in row["content"]]
    assert gone.encode() in _opened(system.data_dir, ALICE, before), "the search of the files finds nothing"
    # When one message is erased while the user goes on
    job_id = system.post("/v1/memory/erase", {"user_id": ALICE, "item_id": item}).json()["job_id"]
    added = []
    while not (job := _ended(system, job_id)):
        text = f"Meanwhile I said {_letters(24)}. 期间"
        answer = system.post("/v1/memory/add", {"user_id": ALICE, "role": "user", "content": text})
        assert answer.status_code in (200, 202), answer.text
        added.append(text)
        assert len(added) < 2_000, "the erasure does not end"
    # Then the receipt says so
    assert job["status"] == "succeeded", job
    receipt = job["result"]
    assert (receipt["verified"], receipt["file_rewritten"], receipt["item_id"]) == (True, True, item), receipt
    assert receipt["removed"]["events"] == 1
    assert receipt["keys_destroyed"] == 1
    # And no file holds the token, as it is or as the keys that are left open it
    assert _found(system.data_dir, tokens) == []
    keys = _keys(vault)
    assert set(before) - set(keys), "the old key is still there"
    assert list(vault.rglob("*.old")) == []
    readable = _opened(system.data_dir, ALICE, keys)
    assert gone.encode() not in readable
    assert kept[0].encode() in readable
    # And no answer has it, while the others are all there
    said = _doors(system, ALICE, kept[:1]) + json.dumps(job)
    assert gone not in said
    left = system.get("/v1/memory/events", params={"user_id": ALICE, "limit": 1000}).json()["events"]
    assert len(left) == len(events) - 1 + len(added)
    texts = "\n".join(event["content"] for event in left)
    assert [token for token in kept if token not in texts] == []
    assert [text for text in added if text not in texts] == []
    for token in (kept[1], kept[-1]):
        assert token in system.post("/v1/memory/retrieve", {"user_id": ALICE, "query": token}).text
    assert system.get(f"/v1/memory/items/{item}", params={"user_id": ALICE}).status_code == 404
    # And what is not there cannot be erased
    again = system.post("/v1/memory/erase", {"user_id": ALICE, "item_id": item}).json()["job_id"]
    failed = until(lambda: _ended(system, again), seconds=30, what="the answer")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "not_found"), failed


@pytest.mark.timeout(240)
def test_a_killed_erasure_of_an_item_is_completed(make_system: Callable[..., System]) -> None:
    # Given an erasure of one message whose worker is killed while it runs
    system = make_system()
    tokens = _fill(system, ALICE)
    items = system.get("/v1/memory/items", params={"user_id": ALICE, "kind": "turn", "limit": 500}).json()["items"]
    (item,) = [row["id"] for row in items if tokens[3] in row["content"]]
    request = {"user_id": ALICE, "item_id": item}
    job_id = until(lambda: system.post("/v1/memory/erase", request).json().get("job_id"), seconds=30,
                   what="it is accepted")
    until(lambda: list((system.data_dir / "vault").rglob("*.old")), seconds=20, what="a key that is retired")
    system.kill("celery", "worker")
    # Then the next run completes it
    job = until(lambda: _ended(system, job_id), seconds=100, what="the receipt")
    assert (job["status"], job["result"]["verified"]) == ("succeeded", True), job
    readable = _opened(system.data_dir, ALICE, _keys(system.data_dir / "vault"))
    assert tokens[3].encode() not in readable
    assert tokens[4].encode() in readable
    assert list((system.data_dir / "vault").rglob("*.old")) == []
