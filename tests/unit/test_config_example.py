"""config.example.toml is what the settings say."""

from __future__ import annotations

import tomllib
from pathlib import Path

from memoryos_tasks.adapters.config.example import example
from memoryos_tasks.adapters.config.toml import load, sections

FILE = Path(__file__).parents[2] / "config.example.toml"


def test_the_file_is_up_to_date() -> None:
    hint = "run: python -m memoryos_tasks.adapters.config.example"
    assert FILE.read_text(encoding="utf-8") == example(), hint


def test_the_file_loads_as_it_is() -> None:
    assert load({"MEMORYOS_WORKER_CONSUMER": "w"}, FILE) == load({"MEMORYOS_WORKER_CONSUMER": "w"}, Path("/dev/null"))


def test_every_default_may_be_uncommented(tmp_path: Path) -> None:
    # Given the file with every setting uncommented
    lines = FILE.read_text(encoding="utf-8").splitlines()
    keys = {key for known in sections().values() for key in known}
    bare = [line[2:] if line.startswith("# ") and line[2:].split(" = ")[0] in keys else line for line in lines]
    path = tmp_path / "config.toml"
    path.write_text("\n".join(bare), encoding="utf-8")
    # When it is loaded
    settings = load({"MEMORYOS_WORKER_CONSUMER": "w"}, path)
    # Then it holds every key, and changes nothing
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    for section, known in sections().items():
        held = table[section] if section else table
        assert set(known) <= set(held)
    assert settings == load({"MEMORYOS_WORKER_CONSUMER": "w"}, Path("/dev/null"))


def test_every_setting_has_a_reason() -> None:
    for known in sections().values():
        for field in known.values():
            assert len(field.metadata["spec"].doc) > 10
