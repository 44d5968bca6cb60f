"""The scripts as an operator runs them, from any directory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from acceptance.system import ROOT, clean_environment


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """For a script: the packages that run the tests, this checkout's code, no settings but ``extra``."""
    return {**clean_environment(), "VIRTUAL_ENV": sys.prefix, "PYTHONPATH": str(ROOT), **extra}


def run(name: str, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """What a script printed, and its exit code."""
    return subprocess.run(
        [str(ROOT / "scripts" / name)], cwd=cwd, env=environment(extra), capture_output=True, text=True, timeout=90
    )
