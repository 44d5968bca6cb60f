from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery import Celery, concurrency
from kombu.utils.imports import symbol_by_name

from memoryos_tasks.beat import Scheduler
from memoryos_tasks.celery_app import TASK_MODULES, app, check_queues
from memoryos_tasks.consumer import Consumer
from memoryos_tasks.pool import TaskPool
from memoryos_tasks.queues import QUEUES, TASKS


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Reads ``celeryconfig`` anew under an environment of the test's own."""

    def read(**environment: str) -> ModuleType:
        monkeypatch.setenv("MEMORYOS_DATA_DIR", str(tmp_path))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delitem(sys.modules, "celeryconfig", raising=False)
        return importlib.import_module("celeryconfig")

    yield read
    sys.modules.pop("celeryconfig", None)


@pytest.fixture
def celery() -> Celery:
    """An app of the test's own with the product's configuration."""
    made = Celery("test", set_as_current=False)
    made.config_from_object("celeryconfig", force=True)
    return made


def test_every_queue_is_declared_and_no_other_can_appear() -> None:
    assert {queue.name for queue in app.conf.task_queues} == set(QUEUES)
    assert app.conf.task_create_missing_queues is False
    with pytest.raises(KeyError):
        app.amqp.queues["chta"]


#: Tasks beside the chats that a client waits for.
WAITED = {f"memory.{name}" for name in ("retrieve", "profile", "events", "items", "item", "versions", "change")} | {
    "plane.infer"}


def test_jobs_ring_in_the_queue_of_their_task() -> None:
    for task, queue in TASKS.values():
        assert app.amqp.router.route({}, task)["queue"].name == queue, task


def test_every_task_has_a_queue_of_its_own_kind() -> None:
    for module in TASK_MODULES:
        importlib.import_module(module)
    ours = [name for name in app.tasks if not name.startswith("celery.")]
    assert ours
    for name in ours:
        route = app.amqp.router.route({}, name)
        queue = route["queue"].name
        expected = "chat" if name in WAITED else name.split(".")[0]
        assert queue == expected, name


def test_everything_scheduled_exists_and_does_not_pile_up() -> None:
    for module in TASK_MODULES:
        importlib.import_module(module)
    assert app.conf.beat_schedule
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks
        # A bell that nobody heard is not worth hearing twice
        assert 0 < entry["options"]["expires"] <= 10 * max(entry["schedule"], 1)


def test_beat_keeps_no_file_and_waits_for_no_result(fresh: Any) -> None:
    config = fresh()
    # Times in memory are lost with their process: none may be long
    assert all(0 < entry["schedule"] <= 60 for entry in config.beat_schedule.values())
    assert not hasattr(config, "beat_schedule_filename")
    assert symbol_by_name(config.beat_scheduler) is Scheduler
    # Else beat would subscribe to the channel of every result, for ever
    assert all(entry["options"]["ignore_result"] for entry in config.beat_schedule.values())


def test_a_worker_runs_our_consumer_and_our_threads(fresh: Any) -> None:
    config = fresh()
    assert symbol_by_name(config.worker_consumer) is Consumer
    assert concurrency.get_implementation(config.worker_pool) is TaskPool


def test_the_products_own_configuration_feeds_declared_queues_only(celery: Celery) -> None:
    check_queues(celery)


def test_a_route_to_an_undeclared_queue_is_refused(celery: Celery) -> None:
    celery.conf.task_routes = {"chat.*": {"queue": "chta"}}
    with pytest.raises(ValueError, match="chta"):
        check_queues(celery)


def test_a_schedule_that_feeds_an_undeclared_queue_is_refused(celery: Celery) -> None:
    entry = {"task": "maintenance.sweep", "schedule": 1, "options": {"queue": "maintainance"}}
    celery.conf.beat_schedule = {"x": entry}
    with pytest.raises(ValueError, match="maintainance"):
        check_queues(celery)


def test_nothing_that_arrives_can_execute() -> None:
    conf = app.conf
    assert conf.accept_content == conf.result_accept_content == ["json"]
    assert {conf.task_serializer, conf.result_serializer, conf.event_serializer} == {"json"}


def test_work_is_acknowledged_when_done_and_one_message_taken_at_a_time() -> None:
    conf = app.conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.task_acks_on_failure
    assert conf.task_acks_on_timeout
    assert conf.worker_prefetch_multiplier == 1


def test_prompts_are_not_shown_with_tasks() -> None:
    assert not app.conf.result_extended
    assert not app.conf.task_remote_tracebacks
    assert not app.conf.task_send_sent_event


def test_a_message_is_redelivered_only_after_its_run_must_have_ended(fresh: Any) -> None:
    config = fresh(MEMORYOS__JOBS__CHAT_DEADLINE="900")
    assert config.broker_transport_options["visibility_timeout"] > 900


def test_every_socket_has_a_limit(fresh: Any) -> None:
    config = fresh()
    limits = [
        config.broker_transport_options["socket_timeout"], config.broker_transport_options["socket_connect_timeout"],
        config.redis_socket_timeout, config.redis_socket_connect_timeout, config.broker_connection_timeout,
        config.result_backend_transport_options["socket_timeout"],
    ]
    assert all(0 < limit <= 10 for limit in limits)


def test_the_broker_is_the_role_that_may_be_lost(fresh: Any) -> None:
    config = fresh(REDIS_URL="redis://127.0.0.1:7001/0", CELERY_BROKER_URL="redis://127.0.0.1:7002/0")
    assert config.broker_url == config.result_backend == "redis://127.0.0.1:7002/0"
