"""gunicorn with deploy/gunicorn.conf.py refuses to open all memory to the network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def gunicorn(tmp_path: Path, *argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it until it ends by itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MEMORYOS_")}
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py"), *argv, "wsgi_stand_in:app"],
        cwd=ROOT, capture_output=True, text=True, timeout=30,
        env={**clean, "PYTHONPATH": str(ROOT), "MEMORYOS_DATA_DIR": str(tmp_path), **environ})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("required", ["auto", "off"])
def test_an_address_on_the_command_line_counts_too(tmp_path: Path, required: str) -> None:
    # Given settings for loopback, where no keys are needed
    # When the command line opens another address
    done = gunicorn(tmp_path, "-b", f"0.0.0.0:{free_port()}", MEMORYOS__AUTH__REQUIRED=required)
    # Then it does not start, and says what to do
    assert done.returncode != 0
    assert "Refused to listen on 0.0.0.0 without API keys" in done.stdout + done.stderr
    assert "Listening at" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_wrong_configuration_is_said_without_a_traceback(tmp_path: Path) -> None:
    done = gunicorn(tmp_path, MEMORYOS__GATEWAY__PORT="none")
    assert done.returncode != 0
    assert "MEMORYOS__GATEWAY__PORT" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_with_keys_another_address_is_open_to_them(tmp_path: Path) -> None:
    # When keys are required, it gets past the door, and fails only at the app that does not exist
    done = gunicorn(tmp_path, "-b", f"0.0.0.0:{free_port()}", MEMORYOS__AUTH__REQUIRED="on")
    assert "Listening at: http://0.0.0.0" in done.stderr
