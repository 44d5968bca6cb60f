"""``python -m memoryos_app.cli``."""

from __future__ import annotations

from memoryos_app.cli import main

main(prog_name="memoryos")
