from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from celery import Celery
from celery.result import EagerResult

from memoryos_tasks import logs
from memoryos_tasks.core.errors import InvalidRequest, TruthDown
from memoryos_tasks.core.settings import Log
from memoryos_tasks.services.chat import Unexpected
from memoryos_tasks.task import MemoryOSTask, TaskFailed

SECRET = "my PIN is 4711 我的密码"


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What a worker logs, at its most talkative."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(Log(level="debug"))
    yield lambda: capsys.readouterr().out
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def run(body: Callable[..., Any], *args: Any, **options: Any) -> EagerResult:
    """What a worker makes of a task with this body."""
    app = Celery("test", set_as_current=False)
    task = app.task(body, name="test.task", base=MemoryOSTask, **options)
    return task.apply(args=args)


def crash() -> None:
    secret = SECRET
    raise ValueError(f"could not read {secret}")


def crash_in_a_run() -> None:
    try:
        crash()
    except ValueError as error:
        raise Unexpected(type(error).__name__) from error


def refuse() -> None:
    raise InvalidRequest(f"What is {SECRET}?", param="content")


@pytest.mark.parametrize(
    ("body", "said"), [(crash, "ValueError"), (crash_in_a_run, "Unexpected"), (refuse, "invalid_request")]
)
def test_no_text_of_a_payload_leaves_through_an_error(
    body: Callable[[], None], said: str, logged: Callable[[], str]
) -> None:
    # When a task fails on an error that quotes a prompt
    result = run(body)
    # Then what it raises, what Celery keeps of it and what is logged hold the kind of error and no text
    assert result.state == "FAILURE"
    assert isinstance(result.result, TaskFailed)
    assert str(result.result) == said
    log = logged()
    assert "test.task" in log
    shown = f"{result.result!r} {result.traceback} {log}"
    assert "4711" not in shown
    assert "密码" not in shown


def test_celery_tries_nothing_again() -> None:
    # What is tried again, and when, stands in the ledger
    calls: list[int] = []

    def down() -> None:
        calls.append(1)
        raise TruthDown

    result = run(down)
    assert (result.state, str(result.result), len(calls)) == ("FAILURE", "truth_unavailable", 1)


def test_an_answer_passes_unchanged() -> None:
    def pair(a: int, b: str) -> dict[str, Any]:
        return {"a": a, "b": b}

    assert run(pair, 1, "x").get() == {"a": 1, "b": "x"}
