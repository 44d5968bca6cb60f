"""``memoryos chat``: a conversation in the terminal."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import click

from memoryos_app.cli.api import Api, Failed, server_options


@click.command("chat")
@click.option("--model", default="offline", show_default=True, help="As in the API: offline, provider/model, an alias.")
@click.option("--user-id", help="Who is talking; memory belongs to them.  [default: the API key's own user; without a "
              "key: default]")
@click.option("--session-id", default="default", show_default=True, help="Which conversation.")
@server_options
def command(model: str, user_id: str | None, session_id: str, url: str, api_key: str) -> None:
    """Talk to a model that remembers. An empty line does nothing; Ctrl-C stops an answer, Ctrl-D leaves.

    Input that is no terminal gets the answers alone. Exit code 1 when the last answer failed.
    """
    api = Api(url, api_key)
    body: dict[str, Any] = {"model": model, "stream": True}
    if user_id is not None or not api_key:
        body["user"] = "default" if user_id is None else user_id
    prompts, well = sys.stdin.isatty(), True
    with contextlib.suppress(ImportError):
        # Line editing and history for input().
        import readline  # noqa: F401
    while True:
        try:
            text = input("you> " if prompts else "").strip()
        except (EOFError, KeyboardInterrupt):
            if prompts:
                click.echo()
            sys.exit(0 if well else 1)
        if text:
            well = _answer(api, {**body, "messages": [{"role": "user", "content": text}]}, session_id, prompts)


def _answer(api: Api, body: dict[str, Any], session_id: str, prompts: bool) -> bool:
    """Print one answer as it comes; what fails is said and the conversation goes on. Whether it came whole.

    Only the new message is sent: the server has the rest of the session.
    """
    stream = api.stream("/v1/chat/completions", body, {"X-MemoryOS-Session": session_id})
    begun = prompts
    click.echo(f"{body['model']}> " if prompts else "", nl=False)
    try:
        for chunk in stream:
            for choice in chunk.get("choices", []):
                text = choice.get("delta", {}).get("content") or ""
                click.echo(text, nl=False)
                begun = begun or bool(text)
        click.echo()
    except KeyboardInterrupt:
        click.echo(" [stopped]")
    except Failed as error:
        if begun:
            click.echo()
        click.echo(f"Error: {error.message}", err=True)
        return False
    finally:
        stream.close()
    return True
