"""``memoryos mcp report`` on real stores, and what it is made of."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result
from waiting import until

from memoryos_app.cli import main
from memoryos_tasks.adapters.plane.figures import GONE_SECONDS, RedisFigures, Telling
from memoryos_tasks.adapters.plane.machine import Machine
from memoryos_tasks.adapters.plane.queue_loads import RedisQueueLoads
from memoryos_tasks.adapters.plane.recorded import RedisRecorded
from memoryos_tasks.adapters.plane.records import Records
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.presence import Presence, WorkerInfo
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.records import OK, InferenceRecord
from memoryos_tasks.core.plane.scaling import Advice
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.core.settings_observe import Observe
from memoryos_tasks.ports.plane.records import QueueLoad
from memoryos_tasks.services.plane.reporting import Pool, Reporting

Run = Callable[..., Result]


@pytest.fixture
def run(redis_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line, with the stores of this test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", redis_settings.redis.truth_url)
    monkeypatch.setenv("CELERY_BROKER_URL", redis_settings.redis.traffic_url)
    monkeypatch.setenv("MEMORYOS_DATA_DIR", str(tmp_path / "data"))
    return lambda *given: CliRunner().invoke(main, ["mcp", "report", *given])


def record(**changes: object) -> InferenceRecord:
    made = InferenceRecord(time.time() - 30, Owner("acme", "王小明"), "通义千问", "a1b2c3d4", 120, 40, 0.5, 0.02, OK)
    return replace(made, **changes)  # type: ignore[arg-type]


def noted(truth: redis.Redis, traffic: redis.Redis, *records: InferenceRecord) -> None:
    writer = Records(truth, traffic, Observe(), interval=60)
    for each in records:
        writer.note(each)
    writer.close()


def test_the_report_has_a_table_a_plot_and_hints(
    run: Run, truth: redis.Redis, traffic: redis.Redis, tmp_path: Path
) -> None:
    # Given 98 answers and two failures of an endpoint, one of which another endpoint made good
    bad = record(endpoint="e5f6a7b8", outcome="upstream_timeout", seconds=30.0, output_length=0)
    noted(truth, traffic, *[record()] * 98, replace(bad, last=False), bad)
    Presence(traffic).announce(WorkerInfo("w@here/1", 1, ("chat", "memory"), True, "owner", (), 0.0))
    RedisQueueLoads(truth, traffic).take(time.time())
    # When the operator asks for the last day
    result = run("--days", "1", "--out", str(tmp_path / "out"))
    # Then each model and endpoint has its line
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    model = next(line for line in lines if line.startswith("通义千问")).split()
    assert model[1:3] == ["99", "98.99%"]
    assert model[-2:] == ["upstream_timeout", "1.0%"]
    endpoint = next(line for line in lines if line.startswith("  a1b2c3d4")).split()
    assert endpoint[1:3] == ["98", "100.00%"]
    assert endpoint[3:5] == ["496", "ms"]
    assert endpoint[-1] == "none"
    # And what to scale
    assert any(line.startswith("  chat: keep 1; 0.0 places busy of 400") for line in lines)
    # And the plot is a picture
    (plot,) = (tmp_path / "out").iterdir()
    assert str(plot) in lines[-1]
    assert ET.parse(plot).getroot().tag.endswith("svg")
    # And nobody is named
    assert "王小明" not in result.output + plot.read_text()


def test_the_report_for_programs_is_one_object(run: Run, truth: redis.Redis, traffic: redis.Redis) -> None:
    noted(truth, traffic, record(), record(outcome="upstream_error"))
    said = json.loads(run("--json").stdout)
    model = next(row for row in said["rows"] if row["endpoint"] == "")
    assert (model["model"], model["requests"], model["success"], model["errors"]) == (
        "通义千问", 2, 0.5, {"upstream_error": 1})
    assert sum(point["succeeded"] + point["failed"] for point in said["points"]) == 2
    assert Path(said["plot"]).exists()
    assert {each["pool"] for each in said["scaling"]} >= {"通义千问 a1b2c3d4"}


def test_a_report_of_nothing_says_so(run: Run) -> None:
    result = run()
    assert result.exit_code == 0
    assert "No inference was recorded." in result.output


def test_a_store_that_is_away_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memoryos_tasks.adapters.redis.connections.REFUSED_SECONDS", 0.0)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    result = run()
    assert result.exit_code == 1
    assert "The Redis at 127.0.0.1:1 does not answer." in result.output


def test_a_plot_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("--out", str(tmp_path / "file" / "below"))
    assert result.exit_code == 1
    assert "cannot be written" in result.output
    assert "--out" in result.output


def test_hints_follow_the_last_ten_minutes(truth: redis.Redis, traffic: redis.Redis) -> None:
    # Given an endpoint with 8 places that served 600 requests of 6 s within the last 10 minutes, and full queues
    now = time.time() // 60 * 60 + 30
    noted(truth, traffic, *[record(at=now - number, seconds=6.0) for number in range(540)],
          record(at=now - 3600, seconds=600.0))
    loads = RedisQueueLoads(truth, traffic)
    for number in range(30):
        traffic.rpush("chat", number)
        truth.zadd(keyspace.due("chat"), {f"acme job{number} chat": 0, f"acme other{number} chat": 0})
    loads.take(now - 20)
    traffic.delete("chat")
    loads.take(now - 10)
    # Then the means of both looks are known: 30 and 0 waited, 30 and 60 ran
    assert loads.mean(now - 600, now) == {"chat": QueueLoad(15.0, 45.0), "memory": QueueLoad(0.0, 0.0)}
    hints = Reporting(RedisRecorded(truth, traffic, Observe()), loads, lambda: now).scaling(
        {"chat": Pool(1, 40), "memory": Pool(2, 40)}, [Endpoint("a1b2c3d4", "通义千问", max_concurrency=8)])
    found = {each.pool: each for each in hints}
    # And 6 requests are in service at the endpoint, of 8
    assert found["通义千问 a1b2c3d4"].busy == pytest.approx(6.0, rel=0.15)
    assert (found["chat"].advice, found["chat"].workers) == (Advice.GROW, 2)
    assert found["memory"].advice is Advice.SHRINK


def test_a_nodes_figures_are_told_and_forgotten(traffic: redis.Redis) -> None:
    figures = RedisFigures(traffic, Machine())
    telling = Telling(figures, "节点 1", period=0.05)
    telling.start()
    found = until(lambda: figures.all().get("节点 1"), seconds=5, what="the node tells its figures")
    assert found.process_memory is not None
    telling.stop()
    # When nothing was heard of it for long, it is forgotten
    row = json.loads(str(traffic.hget(keyspace.observed("figures"), "节点 1")))
    traffic.hset(keyspace.observed("figures"), "old", json.dumps({**row, "at": row["at"] - GONE_SECONDS - 1}))
    assert "old" not in figures.all()
    assert not traffic.hexists(keyspace.observed("figures"), "old")
