"""``memoryos export`` and ``memoryos import`` against a gateway whose worker is scripted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes import FakeStack
from werkzeug.serving import WSGIRequestHandler, make_server

from memoryos_app import create_app
from memoryos_app.cli import main
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.ledger import Status

Run = Callable[..., Result]
RECEIPT = {
    "format": "x", "events": {"imported": 2, "duplicates": 1, "failed_batches": 0},
    "facts": {"imported": 1, "duplicates": 0},
    "skipped": {"count": 1, "first": [{"where": "messages[2]", "reason": "no"}]},
}  # fmt: skip
DOCUMENT = {"format": "memoryos", "version": 1, "events": [{"content": "我叫李雷"}]}
COUNTS = {"events": 1, "facts": 0, "segments": 0, "pages": 0}


class Silent(WSGIRequestHandler):
    """Logs no requests; speaks HTTP/1.1, so that bodies may come in chunks."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack(Settings(log=options.Log(level="error")))
    yield made
    made.close()


@pytest.fixture
def run(stack: FakeStack) -> Iterator[Run]:
    """Runs ``memoryos`` against a gateway of the stack."""
    server = make_server("127.0.0.1", 0, create_app(parts=stack.parts), threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()

    def invoke(*words: str) -> Result:
        environment = {"MEMORYOS_URL": f"http://127.0.0.1:{server.server_port}", "MEMORYOS_API_KEY": None}
        return CliRunner().invoke(main, list(words), env=environment)

    yield invoke
    server.shutdown()
    thread.join()
    server.server_close()


def doing(stack: FakeStack, status: Status, *, result: Any = None, error: Any = None) -> None:
    """Let a worker end each job so."""

    def work(task: str, args: tuple[str, ...], task_id: str) -> None:
        if task != "memory.ingest":
            stack.ledger.close(args[1], status, result=result, error=error)

    stack.doorbell.answer = work


def test_an_export_is_printed_or_written(stack: FakeStack, run: Run, tmp_path: Path) -> None:
    doing(stack, Status.SUCCEEDED, result={"format": "json", "counts": COUNTS, "document": DOCUMENT})
    told = run("export", "--user-id", "李雷")
    assert (told.exit_code, json.loads(told.stdout)) == (0, DOCUMENT)
    file = tmp_path / "memory.json"
    told = run("export", "--user-id", "李雷", "-o", str(file))
    assert (told.exit_code, json.loads(file.read_text(encoding="utf-8"))) == (0, DOCUMENT)
    assert "1 messages, 0 facts" in told.stdout
    doing(stack, Status.SUCCEEDED, result={"format": "markdown", "counts": COUNTS, "document": "# Memory\n"})
    assert run("export", "--user-id", "李雷", "--format", "markdown").stdout == "# Memory\n"


def test_an_export_that_failed_says_why(stack: FakeStack, run: Run) -> None:
    doing(stack, Status.FAILED, error=InvalidRequest("It is too large.").described())
    told = run("export", "--user-id", "u")
    assert (told.exit_code, "It is too large." in told.stderr) == (1, True)


@pytest.mark.parametrize(
    ("name", "form", "said"),
    [
        ("talk.txt", "transcript", "用户: 我叫李雷\nAI: 你好\n"),
        ("talk.jsonl", "transcript",
         '{"role": "user", "content": "我叫李雷"}\n{"role": "assistant", "content": "你好"}'),
        ("talk.json", "transcript",
         '\ufeff[{"role": "user", "content": "我叫李雷"}, {"role": "assistant", "content": "你好"}]'),
    ],
)  # fmt: skip
def test_a_file_is_imported(stack: FakeStack, run: Run, tmp_path: Path, name: str, form: str, said: str) -> None:
    doing(stack, Status.SUCCEEDED, result=RECEIPT)
    (tmp_path / name).write_text(said, encoding="utf-8")
    told = run("import", str(tmp_path / name), "--user-id", "李 雷", "--format", form)
    assert told.exit_code == 0, told.output
    assert [(event.owner.user, event.role, event.content) for event in stack.journal.events] == [
        ("李 雷", "user", "我叫李雷"), ("李 雷", "assistant", "你好"),
    ]  # fmt: skip
    assert "2 messages imported, 1 were there before; 1 facts" in told.stdout
    assert "skipped messages[2]: no" in told.stderr


@pytest.mark.parametrize(("known", "code"), [(0, 1), (1, 0)])
def test_an_import_of_which_nothing_was_taken_fails(
    stack: FakeStack, run: Run, tmp_path: Path, known: int, code: int
) -> None:
    # Given a file of which all was skipped, or all that could be taken was there before
    none = {"imported": 0, "duplicates": 0}
    doing(stack, Status.SUCCEEDED, result=RECEIPT | {"events": none | {"duplicates": known}, "facts": none})
    (tmp_path / "mem.json").write_text('{"results": [{"memory": "Loves hiking"}]}')
    # When it is imported
    told = run("import", str(tmp_path / "mem.json"), "--user-id", "u")
    # Then only the first is a failure, and both name what was skipped
    assert (told.exit_code, "skipped messages[2]: no" in told.stderr) == (code, True)


def test_a_folder_is_imported(stack: FakeStack, run: Run, tmp_path: Path) -> None:
    doing(stack, Status.SUCCEEDED, result=RECEIPT)
    (tmp_path / "short_term.json").write_text('[{"user_input": "Hi", "agent_response": "Hello"}]')
    (tmp_path / "long_term_user.json").write_text('{"knowledge_base": [{"knowledge": "Likes tea"}]}')
    told = run("import", str(tmp_path), "--user-id", "u", "--format", "bai-lab")
    assert told.exit_code == 0, told.output
    assert [event.content for event in stack.journal.events] == ["Hi", "Hello", "Likes tea"]


def test_what_cannot_be_read_is_told(stack: FakeStack, run: Run, tmp_path: Path) -> None:
    for source in (tmp_path / "nothing.json", tmp_path):
        assert run("import", str(source), "--user-id", "u").exit_code == 2
    broken = tmp_path / "broken.json"
    broken.write_text("{oops")
    told = run("import", str(broken), "--user-id", "u", "--format", "mem0")
    assert (told.exit_code, "not valid JSON" in told.stderr) == (1, True)
