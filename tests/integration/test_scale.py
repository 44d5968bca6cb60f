from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from memoryos_app.cli import main

KEYS = {"memories", "users", "inserted_per_s", "p50", "p95", "p99", "rss", "disk"}


def test_the_store_grows_from_size_to_size_and_is_measured_at_each(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "memoryos_tasks.scale", "--sizes", "200,500", "--users", "3", "--questions", "20",
            "--folder", str(tmp_path)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=120, check=True)
    small, large = (json.loads(line) for line in done.stdout.splitlines())
    assert (small["memories"], large["memories"], large["users"]) == (200, 500, 3)
    assert set(large) == KEYS
    assert all(value > 0 for row in (small, large) for value in row.values())
    assert large["p50"] <= large["p95"] <= large["p99"]
    # And what was built is sealed
    assert list((tmp_path / "vault").rglob("*.key"))


def test_the_command_prints_a_line_a_size_and_takes_only_an_empty_folder(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["bench", "scale", "--size", "100", "--users", "2", "--questions", "10"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[1].split()[0] == "100"
    (tmp_path / "something").touch()
    refused = CliRunner().invoke(main, ["bench", "scale", "--folder", str(tmp_path)])
    assert refused.exit_code == 2
    assert "not empty" in refused.output
