"""The command line against a running system."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from acceptance.system import ROOT, System

TURNS = [
    ("Ana", "I adopted a grey parrot from the shelter in Porto."),
    ("Ben", "Wonderful! What do you call the bird?"),
    ("Ana", "She is called Figo, after the football player."),
    ("Ben", "My own week was dull: the office printer broke again."),
    ("Ana", "I am learning to bake sourdough bread at home."),
    ("Ben", "I prefer to buy mine at the corner bakery."),
]


def run(
    system: System, *words: str, text: str | None = None, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run ``memoryos`` with these words."""
    command = [sys.executable, "-m", "memoryos_app.cli", *words]
    environment = {**system.environment, "MEMORYOS_URL": system.url, **extra}
    return subprocess.run(
        command, cwd=ROOT, env=environment, input=text, capture_output=True, text=True, timeout=90, check=False
    )


@pytest.fixture
def conversation(tmp_path: Path) -> Path:
    """A file in LoCoMo's form: one conversation of two people, and questions with their evidence."""
    turns = [{"speaker": who, "dia_id": f"D1:{at}", "text": said} for at, (who, said) in enumerate(TURNS, 1)]
    asked = [
        {"question": "Which bird did Ana adopt?", "answer": "a parrot", "evidence": ["D1:1"], "category": 1},
        {"question": "Who broke at Ben's office?", "answer": "printer", "evidence": ["D1:4"], "category": 4},
        {"question": "Not in the text?", "answer": "", "evidence": [], "category": 5},
    ]
    file = tmp_path / "conversation.json"
    dated = {"session_1": turns, "session_1_date_time": "1:56 pm on 8 May, 2023"}
    file.write_text(json.dumps([{"sample_id": "pair", "conversation": dated, "qa": asked}]))
    return file


def test_status_says_what_is_up(system: System) -> None:
    said = run(system, "status")
    assert said.returncode == 0, said.stderr
    # Then each store and worker has a line
    for line in (r"mode +ready", r"truth +up", r"traffic +up", r"vectors +up", r"worker +\S+, pid \d+, queues chat"):
        assert re.search(f"^{line}", said.stdout, re.MULTILINE), said.stdout


def test_the_stack_of_the_data_directory_is_found(system: System) -> None:
    found = run(system, "status", MEMORYOS_URL="")
    assert found.returncode == 0, found.stderr
    assert system.url in found.stdout


def test_a_transcript_is_loaded_and_found(system: System, tmp_path: Path) -> None:
    # Given a plain transcript
    file = tmp_path / "talk.txt"
    file.write_text("".join(f"{who}: {said}\n" for who, said in TURNS))
    # When it is loaded, twice
    for _ in range(2):
        loaded = run(system, "load", str(file), "--user-id", "cli-talk")
        assert loaded.returncode == 0, loaded.stderr
    # Then it is found, once
    found = run(system, "retrieve", "What is the parrot called?", "--user-id", "cli-talk")
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("called Figo") == 1


def test_recall_is_measured_over_http(system: System, conversation: Path) -> None:
    # When the benchmark runs on a small conversation
    measured = run(system, "bench", "recall", "--data", str(conversation))
    # Then it says how much of the evidence it found
    assert measured.returncode == 0, measured.stderr
    assert "recall@10 1.000" in measured.stdout
    assert "2 questions" in measured.stdout


def test_a_chat_remembers_between_two_runs(system: System) -> None:
    told = run(system, "chat", "--user-id", "cli-chat", "--session-id", "one", text="My name is Olga.\n")
    assert told.returncode == 0, told.stderr
    asked = run(system, "chat", "--user-id", "cli-chat", "--session-id", "two", text="What is my name?\n")
    assert "Olga" in asked.stdout


def test_keys_are_made_listed_and_revoked(system: System) -> None:
    # When a key is made
    made = run(system, "keys", "create", "--tenant", "acme", "--name", "ci")
    assert made.returncode == 0, made.stderr
    assert "mos-" in made.stdout
    named = re.search(r"key_\w+", made.stdout + made.stderr)
    assert named is not None
    key_id = named[0]
    # Then the list names it and not its secret
    listed = run(system, "keys", "list")
    assert key_id in listed.stdout
    assert "mos-" not in listed.stdout
    # And it can be revoked once
    assert run(system, "keys", "revoke", key_id).returncode == 0
    assert run(system, "keys", "revoke", key_id).returncode != 0


def test_an_error_is_one_line(system: System) -> None:
    lost = run(system, "retrieve", "anything", "--user-id", "x", "--url", "http://127.0.0.1:9")
    assert lost.returncode != 0
    assert "Traceback" not in lost.stderr
    assert len(lost.stderr.strip().splitlines()) == 1


def test_piped_chats_print_answers_alone_and_tell_failure_by_the_exit_code(system: System) -> None:
    # Given two messages in a pipe
    good = run(system, "chat", "--user-id", "cli-pipe", text="hello\n\nagain\n")
    assert good.returncode == 0, good.stderr
    assert len(good.stdout.splitlines()) == 2
    assert "> " not in good.stdout
    # When the model does not exist, Then it fails
    bad = run(system, "chat", "--model", "nonsense", text="hello\n")
    assert bad.returncode == 1
    assert bad.stdout == ""
    assert len(bad.stderr.splitlines()) == 1


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\xff", b'[{"conversation": {"session_1": [{"text": "a"}]}}]'])
def test_a_bad_file_is_one_line(system: System, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "bad.json"
    if content is not None:
        file.write_bytes(content)
    said = run(system, "load", str(file), "--user-id", "x")
    assert said.returncode == 2
    assert said.stdout == ""
    assert len(said.stderr.splitlines()) == 1
    assert str(file) in said.stderr


def test_keys_name_the_store_that_does_not_answer(system: System) -> None:
    said = run(system, "keys", "list", REDIS_URL="redis://:hidden@127.0.0.1:9/0")
    assert said.returncode == 1
    assert "127.0.0.1:9 " in said.stderr
    assert "MEMORYOS_DATA_DIR" in said.stderr
    assert "hidden" not in said.stderr
