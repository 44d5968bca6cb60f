"""What the router may ask follows the configuration file, without a restart."""

from __future__ import annotations

from pathlib import Path

from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.adapters.llm.fleet import LiveFleet, LiveGuard, LiveProviders
from memoryos_tasks.core.routing_plan import Endpoint
from memoryos_tasks.ports.keepsakes import NoKeepsakes

SECRET = "My password is hunter2"
HOME = Endpoint("ollama", "small", "http://127.0.0.1:9")


def test_a_changed_file_changes_the_fleet_the_guard_and_who_may_embed(tmp_path: Path) -> None:
    # Given a server for embeddings elsewhere and no router
    path = tmp_path / "config.toml"
    embedding = '[embedding]\nprovider = "openai"\nmodel = "m"\ndimensions = 2\n'
    path.write_text(f"{embedding}[llm]\nmax_concurrent = 7\n", encoding="utf-8")
    live = LiveSettings({"MEMORYOS_DATA_DIR": str(tmp_path)}, path)
    guard = LiveGuard(live)
    fleet = LiveFleet(live, LiveProviders(live, NoKeepsakes()), guard, NoKeepsakes())
    assert (fleet().plan.local, list(fleet().providers), fleet().most) == ((), ["offline"], 7)
    assert fleet() is fleet()
    assert (guard.hit(SECRET), guard.keeps(SECRET), guard.keeps("tea")) == (True, True, False)
    # When a model in house and a trusted embedding server are written down
    router = f'[router]\nlocal = "ollama/small@{HOME.url}"\nlocal_providers = "embedding"\n'
    path.write_text(f"{embedding}{router}", encoding="utf-8")
    assert live.refresh()
    # Then they count at once, and a cap that the queue never reaches is not counted
    assert (fleet().plan.local, list(fleet().providers), fleet().most) == ((HOME,), ["offline", HOME.source], 0)
    assert (guard.hit(SECRET), guard.keeps(SECRET)) == (True, False)
    # And so do other words, or none
    path.write_text(f'{embedding}[router]\nsensitive_keywords = "falcon"\n', encoding="utf-8")
    assert live.refresh()
    assert (guard.hit(SECRET), guard.keeps("The falcon")) == (False, True)
    path.write_text(f"{embedding}[router]\nsensitive = false\n", encoding="utf-8")
    assert live.refresh()
    assert (guard(), fleet().guard, guard.keeps("4111 1111 1111 1111")) == (None, None, False)
