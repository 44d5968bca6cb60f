"""``memoryos keys``: who may call. Works on the store itself, so it needs no key and no gateway."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from memoryos_app.cli.api import Failed
from memoryos_tasks.adapters.config.toml import load
from memoryos_tasks.core.errors import ConfigError, MemoryOSError

if TYPE_CHECKING:
    from memoryos_tasks.adapters.redis.keys import KeyStore


@click.group("keys")
def command() -> None:
    """Make, list and revoke API keys, in the Redis of this configuration (REDIS_URL, MEMORYOS_DATA_DIR)."""


@command.command("create")
@click.option("--tenant", default="default", show_default=True, help="Whose data the key opens.")
@click.option("--user", help="Bind the key to this one user of the tenant.")
@click.option("--name", default="", help="A note for the list.")
def create(tenant: str, user: str | None, name: str) -> None:
    """Make a key and print it, once: only its hash is stored."""
    with _Errors():
        key, secret = _store().create(tenant, user=user, name=name)
    click.echo(f"Key {key} of tenant {tenant}{f', user {user}' if user else ''}; it is not shown again:", err=True)
    click.echo(secret)


@command.command("list")
def show() -> None:
    """List the keys, without their secrets."""
    with _Errors():
        records = _store().list()
    for record in records:
        made = datetime.fromtimestamp(record.created_at).isoformat(" ", "seconds")
        click.echo(f"{record.id}  tenant {record.tenant}  user {record.user or 'any'}  {made}  {record.name}".rstrip())
    if not records:
        click.echo("There are no keys.")


@command.command("revoke")
@click.argument("id")
def revoke(id: str) -> None:
    """Make the key ID void at once."""
    with _Errors():
        known = _store().revoke(id)
    if not known:
        raise Failed(f"There is no key {id}. 'memoryos keys list' shows all.")
    click.echo(f"Revoked {id}.")


def _store() -> KeyStore:
    import redis

    from memoryos_tasks.adapters.redis.keys import KeyStore

    settings = load(os.environ)
    client = redis.Redis.from_url(settings.redis.truth_url, socket_timeout=settings.redis.timeout,
                                  socket_connect_timeout=settings.redis.timeout, decode_responses=True)
    return KeyStore(client)


class _Errors:
    """Turns what the store and the configuration raise into one line: exit code 2 for the latter, 1 otherwise."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        import redis

        if isinstance(error, ConfigError):
            click.echo(error.message, err=True)
            sys.exit(2)
        if isinstance(error, MemoryOSError):
            raise Failed(error.message) from error
        if isinstance(error, redis.RedisError):
            said = f"The Redis of this configuration does not answer ({error}). Is 'memoryos up' running?"
            raise Failed(said) from error
