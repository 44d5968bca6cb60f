"""``memoryos keys``: who may call. Works on the store itself, so it needs no key and no gateway."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from memoryos_app.cli.api import Failed
from memoryos_app.stack.datadir import running_url
from memoryos_app.stack.port import address
from memoryos_app.stack.ready import ask
from memoryos_tasks.adapters.config.toml import load
from memoryos_tasks.core.errors import ConfigError, MemoryOSError, TruthDown
from memoryos_tasks.core.settings import Settings, is_loopback

if TYPE_CHECKING:
    from memoryos_tasks.adapters.redis.keys import KeyStore


@click.group("keys")
def command() -> None:
    """Make, list and revoke API keys, in the Redis of this configuration (REDIS_URL, MEMORYOS_DATA_DIR)."""


@command.command("create")
@click.option("--tenant", default="default", show_default=True, help="Whose data the key opens.")
@click.option("--user", help="Bind the key to this one user of the tenant.")
@click.option("--name", default="", help="A note for the list.")
@click.option("--admin", is_flag=True, help="It may also make the operators' calls (/v1/admin), for every tenant.")
def create(tenant: str, user: str | None, name: str, admin: bool) -> None:
    """Make a key and print it, once: only its hash is stored."""
    with _opened() as (store, settings):
        key, secret = store.create(tenant, user=user, name=name, admin=admin)
    bound = f", user {user}" if user else ", admin" if admin else ""
    click.echo(f"Key {key} of tenant {tenant}{bound}; it is not shown again:", err=True)
    click.echo(secret)
    if not settings.auth_required and is_loopback(settings.gateway.host) and not _asked_for(settings):
        hint = 'API keys are not asked for while the gateway listens on loopback; set auth.required = "on".'
        click.echo(hint, err=True)


@command.command("list")
def show() -> None:
    """List the keys, without their secrets."""
    with _opened() as (store, _):
        records = store.list()
    for record in records:
        made = datetime.fromtimestamp(record.created_at).isoformat(" ", "seconds")
        admin = "admin  " if record.admin else ""
        user = record.user or "any"
        click.echo(f"{record.id}  tenant {record.tenant}  user {user}  {made}  {admin}{record.name}".rstrip())
    if not records:
        click.echo("There are no keys.")


@command.command("revoke")
@click.argument("id")
def revoke(id: str) -> None:
    """Make the key ID void. A running gateway may still accept it for up to 5 seconds."""
    with _opened() as (store, _):
        known = store.revoke(id)
    if not known:
        raise Failed(f"There is no key {id}. 'memoryos keys list' shows all.")
    click.echo(f"Revoked {id}.")


def _asked_for(settings: Settings) -> bool:
    """Whether the running gateway wants keys; it may have been started with another address than configured."""
    url = urlsplit(running_url(settings.data_dir) or "")
    return bool(url.hostname) and ask(str(url.hostname), url.port or 80, "/v1/models")[0] == 401


@contextmanager
def _opened() -> Iterator[tuple[KeyStore, Settings]]:
    """The keys and the settings that name their place. What fails is one line, with exit code 2 for a wrong
    configuration, else 1."""
    import redis

    from memoryos_tasks.adapters.redis.connections import truth
    from memoryos_tasks.adapters.redis.keys import KeyStore

    try:
        settings = load(os.environ)
    except ConfigError as error:
        click.echo(error.message, err=True)
        sys.exit(2)
    try:
        yield KeyStore(truth(settings)), settings
    except (TruthDown, redis.RedisError) as error:
        raise Failed(f"The Redis at {address(settings.redis.truth_url)} does not answer "
                     f"({type(error.__cause__ or error).__name__}). Start 'memoryos up', or set MEMORYOS_DATA_DIR "
                     f"(now {settings.data_dir}) or REDIS_URL to those of the system that runs.") from error
    except MemoryOSError as error:
        raise Failed(error.message) from error
