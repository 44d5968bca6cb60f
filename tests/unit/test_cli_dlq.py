"""``memoryos dlq`` against a gateway whose letters are made up."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes import FakeKey, FakeStack
from werkzeug.serving import WSGIRequestHandler, make_server

from memoryos_app import create_app
from memoryos_app.cli import main
from memoryos_app.dead_letters import MOST
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.dead_letters import Letter, Replayed

#: The gateway runs in this process, so what it logged would stand among what the command prints.
QUIET = options.Log(level="error")
TEXT = "我的柜子密码是 4711。"
Dlq = Callable[..., Result]


class Silent(WSGIRequestHandler):
    """Logs no requests."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack(Settings(log=QUIET))
    yield made
    made.close()


@pytest.fixture
def dlq(stack: FakeStack) -> Iterator[Dlq]:
    """Runs ``memoryos dlq`` against a gateway of the stack."""
    app = create_app(parts=stack.parts)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()

    def run(*words: str, text: str = "") -> Result:
        environment = {"MEMORYOS_URL": f"http://127.0.0.1:{server.server_port}", "MEMORYOS_API_KEY": None}
        return CliRunner().invoke(main, ["dlq", *words], input=text, env=environment)

    yield run
    server.shutdown()
    thread.join()
    server.server_close()


def bury(stack: FakeStack, *ids: str, replaying: bool = False) -> None:
    for id in ids:
        stack.dead_letters.bury(
            Letter(
                id, id.split(":")[0], "consolidate", "attempts_exhausted", "It failed 3 times.", tenant="acme",
                subject="job_1", task="memory.consolidate", exception="KeyError", traceback="segments.py:12 run",
                attempts=3, first_seen=1_700_000_000.0, last_seen=1_700_000_060.0, request_id="req_1",
                headers={"id": "job_1"}, body=json.dumps({"content": TEXT}), replaying=replaying,
            )
        )  # fmt: skip


# Looking


def test_an_empty_list_says_so(dlq: Dlq) -> None:
    for words, said in (
        (["list"], "There are no dead letters.\n"),
        (["list", "--queue", "chat"], "There are no dead letters of the list chat.\n"),
        (["replay", "--all"], "There are no such dead letters.\n"),
        (["purge", "--queue", "memory"], "There are no such dead letters.\n"),
    ):
        answer = dlq(*words)
        assert (answer.exit_code, answer.output) == (0, said)


def test_a_list_counts_and_names_the_letters(stack: FakeStack, dlq: Dlq) -> None:
    bury(stack, "memory:1-0", "memory:2-0")
    bury(stack, "events:3-0", replaying=True)
    answer = dlq("list")
    assert answer.exit_code == 0, answer.output
    lines = answer.output.splitlines()
    assert lines[0] == "events 1  chat 0  memory 2  maintenance 0  vectors 0"
    assert lines[2].split() == ["ID", "AGE", "KIND", "TRIES", "TENANT", "SUBJECT", "REASON"]
    assert lines[3].startswith("events:3-0  ")
    assert lines[3].endswith("attempts_exhausted (being replayed)")
    assert [line.split()[0] for line in lines[4:6]] == ["memory:1-0", "memory:2-0"]
    assert TEXT not in answer.output


def test_a_list_says_how_many_it_does_not_show(stack: FakeStack, dlq: Dlq) -> None:
    bury(stack, *(f"memory:{number}-0" for number in range(5)), "chat:9-0")
    assert "\n4 more;" in dlq("list", "--limit", "2").output
    assert "\n3 more;" in dlq("list", "--limit", "2", "--queue", "memory").output
    assert "more;" not in dlq("list", "--limit", "6").output


def test_show_tells_the_reason_and_the_place_and_no_text(stack: FakeStack, dlq: Dlq) -> None:
    bury(stack, "memory:1-0")
    shown = dlq("show", "memory:1-0")
    assert shown.exit_code == 0, shown.output
    for part in ("attempts_exhausted: It failed 3 times.", "segments.py:12 run", "KeyError", "job_1", "--payload",
                 "req_1", "acme", "2023-11-1"):  # fmt: skip
        assert part in shown.output
    assert TEXT not in shown.output
    # And the text only on demand
    assert TEXT in dlq("show", "memory:1-0", "--payload").output


def test_show_lets_nothing_write_to_the_terminal(stack: FakeStack, dlq: Dlq) -> None:
    # Given a letter whose every text tries to
    bury(stack, "memory:1-0")
    letter = stack.dead_letters.letters["memory:1-0"]
    evil = "a\x1b[2Jb"
    stack.dead_letters.letters["memory:1-0"] = replace(
        letter, message=evil, subject=evil, exception=evil, traceback=evil, body=evil, headers={"x": evil}
    )
    for words in (["show", "memory:1-0", "--payload"], ["list"], ["replay", "memory:1-0"]):
        assert "\x1b" not in dlq(*words).output, words


def test_machines_get_json(stack: FakeStack, dlq: Dlq) -> None:
    bury(stack, "memory:1-0")
    assert json.loads(dlq("list", "--json").output)["counts"]["memory"] == 1
    shown = json.loads(dlq("show", "memory:1-0", "--json").output)
    assert (shown["reason"], "body" in shown) == ("attempts_exhausted", False)
    body = json.loads(dlq("show", "memory:1-0", "--payload", "--json").output)["body"]
    assert json.loads(body) == {"content": TEXT}
    replayed = json.loads(dlq("replay", "memory:1-0", "--json").output)
    assert replayed["counts"] == {"replayed": 1}


def test_a_letter_that_is_not_there_is_one_line_and_a_failure(dlq: Dlq) -> None:
    answer = dlq("show", "memory:1-0")
    assert answer.exit_code == 1
    assert answer.output.startswith("Error: There is no dead letter memory:1-0")
    assert len(answer.output.splitlines()) == 1


# Doing


def test_replay_by_id_says_what_became_of_each(stack: FakeStack, dlq: Dlq) -> None:
    bury(stack, "memory:1-0", "memory:2-0", "memory:3-0", "memory:4-0")
    stack.dead_letters.outcomes = {"memory:2-0": Replayed.SKIPPED, "memory:3-0": Replayed.BUSY}
    good = dlq("replay", "memory:1-0", "memory:2-0", "memory:3-0")
    assert good.exit_code == 0, good.output
    for line in ("replayed        memory:1-0", "done already    memory:2-0", "is running      memory:3-0"):
        assert line in good.output
    # When one cannot run, or is not there, Then the exit code tells
    stack.dead_letters.outcomes["memory:4-0"] = Replayed.IMPOSSIBLE
    bad = dlq("replay", "memory:4-0")
    assert bad.exit_code == 1
    assert "cannot run      memory:4-0" in bad.output
    assert dlq("replay", "memory:9-9").exit_code == 1


def test_replay_of_all_goes_beyond_one_call(stack: FakeStack, dlq: Dlq) -> None:
    bury(stack, *(f"memory:{number}-0" for number in range(MOST + 10)))
    answer = dlq("replay", "--all")
    assert answer.exit_code == 0, answer.output[-500:]
    assert all(letter.replaying for letter in stack.dead_letters.letters.values())
    assert len(answer.output.splitlines()) == MOST + 10


def test_replay_of_all_ends_though_letters_fail_again_at_once(stack: FakeStack, dlq: Dlq) -> None:
    # Given letters that come back at the end of their list under a new number when they are replayed
    bury(stack, "memory:1-0", "memory:2-0")
    held, calls = stack.dead_letters, []

    def again(id: str) -> Replayed:
        calls.append(id)
        letter = held.letters.pop(id)
        fresh = f"memory:{100 + len(calls)}-0"
        held.letters[fresh] = replace(letter, id=fresh)
        return Replayed.REPLAYED

    stack.dead_letters.replay = again  # type: ignore[method-assign]
    # When all are replayed, one a call, Then each is, once
    assert dlq("replay", "--all", "--count", "1").exit_code == 0
    assert dlq("replay", "--all").exit_code == 0
    assert calls == ["memory:1-0", "memory:2-0", "memory:101-0"]


def test_a_count_passes_over_what_is_being_replayed(stack: FakeStack, dlq: Dlq) -> None:
    bury(stack, "memory:1-0", "memory:2-0", replaying=True)
    bury(stack, "memory:3-0", "memory:4-0", "memory:5-0")
    assert dlq("replay", "--queue", "memory", "--count", "2").exit_code == 0
    waiting = [letter.id for letter in stack.dead_letters.letters.values() if not letter.replaying]
    assert waiting == ["memory:5-0"]


@pytest.mark.parametrize("action", ["replay", "purge"])
def test_a_dry_run_does_nothing_and_says_so(stack: FakeStack, dlq: Dlq, action: str) -> None:
    bury(stack, "memory:1-0", "memory:2-0")
    before = dict(stack.dead_letters.letters)
    answer = dlq(action, "--all", "--dry-run")
    assert answer.exit_code == 0
    assert f"Nothing was done. Without --dry-run this would {action} 2 dead letters." in answer.output
    assert stack.dead_letters.letters == before


def test_purge_asks_first(stack: FakeStack, dlq: Dlq) -> None:
    bury(stack, "memory:1-0", "memory:2-0", "chat:3-0")
    # When the answer is no, or there is nobody to ask, Then nothing goes
    for text in ("n\n", ""):
        refused = dlq("purge", "--queue", "memory", text=text)
        assert refused.exit_code == 1
        assert "Forget 2 dead letters for good?" in refused.output
        assert len(stack.dead_letters.letters) == 3
    # When it is yes, or was given beforehand, Then they go, and the others stay
    assert dlq("purge", "--queue", "memory", text="y\n").exit_code == 0
    assert list(stack.dead_letters.letters) == ["chat:3-0"]
    assert dlq("purge", "chat:3-0", "--yes").exit_code == 0
    assert stack.dead_letters.letters == {}


@pytest.mark.parametrize("action", ["replay", "purge"])
@pytest.mark.parametrize(
    "words",
    [[], ["--dry-run"], ["memory:1-0", "--all"], ["--queue", "memory", "--all"], ["--queue", "nonsense"],
     ["memory:1-0", "--count", "3"], ["--all", "--count", "0"]],
)  # fmt: skip
def test_a_wrong_use_is_2_and_touches_nothing(stack: FakeStack, dlq: Dlq, action: str, words: list[str]) -> None:
    bury(stack, "memory:1-0")
    before = dict(stack.dead_letters.letters)
    assert dlq(action, *words, text="y\n").exit_code == 2
    assert stack.dead_letters.letters == before


def test_a_key_that_is_no_admins_is_told_how_to_get_one(stack: FakeStack, dlq: Dlq) -> None:
    stack.settings = Settings(auth=options.Auth(required="on"), log=QUIET)
    stack.keys = {"mos-plain": FakeKey("key_2", "acme")}
    answer = dlq("list", "--api-key", "mos-plain")
    assert answer.exit_code == 1
    assert "memoryos keys create --admin" in answer.output
    assert len(answer.output.splitlines()) == 1
