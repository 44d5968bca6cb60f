"""``memoryos mcp report``: what the models of the control plane were asked for, and how they did."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from memoryos_app.cli.api import Failed
from memoryos_app.cli.report_table import as_json, lines
from memoryos_app.stack.port import address
from memoryos_tasks.adapters.config.toml import load
from memoryos_tasks.core.errors import ConfigError, TrafficDown, TruthDown, Unavailable
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.plot import svg
from memoryos_tasks.core.settings import Settings


@click.command("report")
@click.option("--days", type=click.FloatRange(0.01, 3660), default=7.0, show_default=True,
              help="How far back; figures are kept for observe.days.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="The directory for the plot.  [default: reports in the data directory]")
@click.option("--json", "as_object", is_flag=True, help="Print one JSON object instead of a table.")
def report(days: float, out: Path | None, as_object: bool) -> None:
    """Print a capacity report of the control plane, with what to scale, and write its plot (SVG).

    Works on the stores of this configuration (REDIS_URL, MEMORYOS_DATA_DIR), so it needs no key and no gateway.
    """
    try:
        settings = load(os.environ)
    except ConfigError as error:
        click.echo(error.message, err=True)
        sys.exit(2)
    from memoryos_tasks.adapters.plane.observation import Observation
    from memoryos_tasks.adapters.redis.connections import traffic, truth

    seen = Observation(truth(settings), traffic(settings), settings)
    try:
        made = seen.capacity(days)
        hints = seen.scaling(_endpoints(settings))
    except (TruthDown, TrafficDown) as error:
        url = settings.redis.truth_url if isinstance(error, TruthDown) else settings.redis.traffic_url
        raise Failed(f"The Redis at {address(url)} does not answer. Start 'memoryos up', or set MEMORYOS_DATA_DIR (now "
                     f"{settings.data_dir}) or REDIS_URL to those of the system that runs.") from error
    plot = _written(svg(made), out or settings.data_dir / "reports")
    if as_object:
        click.echo(json.dumps({**as_json(made, hints), "plot": str(plot)}, ensure_ascii=False))
        return
    for line in lines(made, hints):
        click.echo(line)
    click.echo(f"\nPlot: {plot}")


def _endpoints(settings: Settings) -> tuple[Endpoint, ...]:
    """The endpoints with their limits, where the plane is configured and its registry answers; without them a hint
    knows no limit."""
    from memoryos_tasks.adapters.plane.files import config_file
    from memoryos_tasks.adapters.plane.files import load as load_plane
    from memoryos_tasks.adapters.plane.open import look_registry
    from memoryos_tasks.core.plane.config import PlaneConfig

    try:
        path = config_file(os.environ)
        config = load_plane(os.environ, path).config if path.exists() else PlaneConfig()
        return tuple(look_registry(config, settings))
    except (ConfigError, Unavailable) as error:
        click.echo(f"The limits of endpoints are not known: {error.message}", err=True)
        return ()


def _written(picture: str, folder: Path) -> Path:
    path = folder / f"capacity-{datetime.now(UTC):%Y%m%d-%H%M%S}.svg"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise Failed(f"{path} cannot be written ({error.strerror}). Name another directory with --out.") from error
    return path
