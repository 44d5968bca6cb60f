"""Celery's settings, a reason beside each. A message is a doorbell: the ledger and the journal hold the work."""

from __future__ import annotations

import os
from typing import Any

from kombu import Exchange, Queue

from memoryos_tasks.adapters.config.toml import load
from memoryos_tasks.queues import CHAT, MAINTENANCE, MEMORY, QUEUES, VECTORS

_settings = load(os.environ)

# The broker and the results live in the traffic role: they may be lost, the truth role may not wait for them.
broker_url = _settings.redis.traffic_url
result_backend = _settings.redis.traffic_url
# Workers outlive a broker that dies under load (see the class).
if broker_url.startswith("redis"):
    broker_transport = "memoryos_tasks.transport:Transport"

# Queues are declared here once; a misspelt one is an error, not a queue that nobody reads.
task_queues = [Queue(name, Exchange(""), routing_key=name) for name in QUEUES]
task_default_queue = MEMORY
task_default_exchange = ""
task_default_routing_key = MEMORY
task_create_missing_queues = False
task_routes: dict[str, dict[str, str]] = {
    "chat.*": {"queue": CHAT},
    "plane.*": {"queue": CHAT},
    # Reads that a client waits for go with the chats.
    "memory.retrieve": {"queue": CHAT},
    "memory.profile": {"queue": CHAT},
    "memory.events": {"queue": CHAT},
    "memory.items": {"queue": CHAT},
    "memory.item": {"queue": CHAT},
    "memory.versions": {"queue": CHAT},
    # So do changes of single items.
    "memory.change": {"queue": CHAT},
    "memory.*": {"queue": MEMORY},
    "maintenance.*": {"queue": MAINTENANCE},
    "vectors.*": {"queue": VECTORS},
}

# JSON only: nothing that arrives can execute, and every language can ring.
task_serializer = "json"
result_serializer = "json"
event_serializer = "json"
accept_content = ["json"]
result_accept_content = ["json"]

# A message is acknowledged after its work, and given back when its process is lost.
task_acks_late = True
task_reject_on_worker_lost = True
# A task that raised was recorded by the ledger: acknowledged, or it would come back for ever.
task_acks_on_failure = True
task_acks_on_timeout = True
# One message in hand for each thread: more would wait here while another worker idles.
worker_prefetch_multiplier = 1

# What no task takes becomes a dead letter, and the broker is reconnected to every second (see the class).
worker_consumer = "memoryos_tasks.consumer:Consumer"
# Threads: work waits on networks, and one process must own the embedded vectors. A warm shutdown (SIGTERM) lets runs
# finish for some seconds and then gives their jobs back; a cold one (SIGQUIT) gives them back at once.
worker_pool = "memoryos_tasks.pool:TaskPool"
worker_concurrency = _settings.worker.concurrency
# The gateway logs JSON through its own handlers; so do workers (see memoryos_tasks.logs).
worker_hijack_root_logger = False
worker_redirect_stdouts = False
# A run goes on while the broker is away: its claim is in the ledger.
worker_cancel_long_running_tasks_on_connection_loss = False

# Flower shows tasks and workers from these events; arguments are ids only, results are ids and counts. Workers send
# them in batches (see their consumer): one by one they would cost a fifth of a worker.
worker_send_task_events = True
task_send_sent_event = False
task_track_started = False

# A message unacknowledged for this long is delivered again: longer than any run may take, and its claim
# makes a second delivery harmless.
broker_transport_options: dict[str, Any] = {
    "visibility_timeout": int(_settings.redis.visibility_timeout),
    # No message is urgent before others of its queue: one list a queue, not four to wait for.
    "priority_steps": [0],
    # Every thread may acknowledge at the same moment; with kombu's ten connections the eleventh would fail.
    "max_connections": _settings.worker.concurrency + 16,
    # A half-open socket would hang a publisher for ever.
    "socket_timeout": 5.0,
    "socket_connect_timeout": _settings.redis.timeout,
    "socket_keepalive": True,
}
# A result that cannot be kept is tried for two seconds, not Celery's twenty: the ledger has the answer, and the thread
# is wanted.
result_backend_transport_options = {
    "socket_timeout": 5.0,
    "retry_policy": {"max_retries": 4, "interval_start": 0.5, "interval_step": 0, "interval_max": 0.5},
}
redis_socket_timeout = 5.0
redis_socket_connect_timeout = _settings.redis.timeout
redis_retry_on_timeout = True
# A worker outlives its broker: it tries again until it is back.
broker_connection_retry_on_startup = True
broker_connection_retry = True
broker_connection_max_retries = None
broker_connection_timeout = 2.0
# Publishing waits little: the sweeper rings again for what could not be rung.
task_publish_retry = True
task_publish_retry_policy = {"max_retries": 1, "interval_start": 0.05, "interval_step": 0.1, "interval_max": 0.2}

# Results are ids, status and usage; clients ask within the hour or ask the ledger.
result_expires = 3600
result_extended = False
task_ignore_result = False
# Errors of tasks carry no payload; the class name and its message are enough.
task_remote_tracebacks = False

# Time limits do nothing in the threads pool: deadlines stand in the runs. These bound a prefork fleet.
task_soft_time_limit = None
task_time_limit = None

timezone = "UTC"
enable_utc = True

# Beat rings; each of these finds out itself what there is to do, and does a bounded piece of it. Nobody asks for their
# results, and for each result beat would subscribe to its channel for ever.
beat_schedule: dict[str, dict[str, Any]] = {
    name: {"task": f"maintenance.{name}", "schedule": seconds, "options": {"expires": late, "ignore_result": True}}
    for name, seconds, late in (
        ("sweep", 1.0, 5),
        ("idle", 5.0, 10),
        ("heat", 30.0, 60),
        ("compact", 10.0, 20),
        ("trim", 30.0, 60),
        ("optimize", 60.0, 120),
        ("reindex", 5.0, 10),
        ("faq", 10.0, 20),
        ("plane_probe", 1.0, 5),
        ("plane_watch", 10.0, 20),
    )
}
# Any number of beats may run: one leads, and keeps its times in memory.
beat_scheduler = "memoryos_tasks.beat:Scheduler"
beat_max_loop_interval = 1.0
