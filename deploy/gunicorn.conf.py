"""gunicorn for the gateway: ``gunicorn -c deploy/gunicorn.conf.py 'memoryos_app:create_app()'``."""

from __future__ import annotations

import os
import sys
from typing import Any

from memoryos_app.stack import leash
from memoryos_tasks.adapters.config.toml import load
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.settings import is_loopback

try:
    _settings = load(os.environ)
    FileVault(_settings.vault_dir)
    if os.environ.get("MEMORYOS_MCP_CONFIG"):
        # Here it is told in a line; in a worker it would be a traceback.
        from memoryos_tasks.adapters.plane.files import config_file
        from memoryos_tasks.adapters.plane.files import load as load_plane

        load_plane(os.environ, config_file(os.environ))
except ConfigError as error:
    sys.exit(error.message)

_host = _settings.gateway.host
bind = f"[{_host}]:{_settings.gateway.port}" if ":" in _host and not _host.startswith("[") else (
    f"{_host}:{_settings.gateway.port}")

# Threads, since a request mostly waits for the worker; each open stream holds one.
worker_class = "memoryos_app.lingering.Worker"
workers = _settings.gateway.workers
threads = _settings.gateway.threads

# Clients that chat keep their connection; idle ones cost a file descriptor only.
keepalive = 30
# A gthread worker beats from its main thread; silence for this long means that it is stuck.
timeout = 60
# Open requests may end; longer streams are replayed by the client from the job's events.
graceful_timeout = 4
# Requests above the threads wait here; more are refused by the kernel.
backlog = 512

# The app writes one line per request, without query or content; a second log would repeat it with both.
accesslog = None
errorlog = "-"
loglevel = _settings.log.level

# A heartbeat file on a slow disk can stall the worker; memory cannot.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# No control socket: nothing here needs one.
control_socket_disable = True

if workers > 1:
    # Several processes answer /metrics with their sum; one needs no files for it.
    _metrics = _settings.data_dir / "metrics"
    raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_metrics}"]


def on_starting(server: Any) -> None:
    """Refuse to open all memory to the network; ``-b`` on the command line counts too."""
    for address in server.cfg.address:
        host = address[0] if isinstance(address, tuple) else "localhost"
        if not _settings.auth_required and not is_loopback(host) and not _settings.auth.allow_open:
            sys.exit(f"Refused to listen on {host} without API keys: set auth.required = \"on\" "
                     "(MEMORYOS__AUTH__REQUIRED=on), or auth.allow_open = true if everybody there may read all memory.")
    if workers > 1:
        _metrics.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in _metrics.glob("*.db"):
            left.unlink()


def post_fork(server: Any, _worker: Any) -> None:
    """A worker ends with its master, even when that is killed, so that the port is free for the next one."""
    leash.tie(server.pid)


def post_worker_init(worker: Any) -> None:
    """A control plane inside the gateway joins its nodes now, not with the first request."""
    if os.environ.get("MEMORYOS_MCP_CONFIG"):
        from memoryos_app.plane import start

        start.join(worker.wsgi)


def worker_exit(_server: Any, worker: Any) -> None:
    """It tells the other nodes that it ends."""
    if os.environ.get("MEMORYOS_MCP_CONFIG") and worker.app.callable is not None:
        from memoryos_app.plane import start

        start.leave(worker.app.callable)


def child_exit(_server: Any, worker: Any) -> None:
    """A dead process's gauges leave the sum."""
    if workers > 1:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid, str(_metrics))  # type: ignore[no-untyped-call]
