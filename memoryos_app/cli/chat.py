"""``memoryos chat``: a conversation in the terminal."""

from __future__ import annotations

import contextlib

import click

from memoryos_app.cli.api import Api, Failed, server_options


@click.command("chat")
@click.option("--model", default="offline", show_default=True, help="As in the API: offline, provider/model, an alias.")
@click.option("--user-id", default="default", show_default=True, help="Who is talking; memory belongs to them.")
@click.option("--session-id", default="default", show_default=True, help="Which conversation.")
@server_options
def command(model: str, user_id: str, session_id: str, url: str, api_key: str) -> None:
    """Talk to a model that remembers. An empty line does nothing; Ctrl-C stops an answer, Ctrl-D leaves."""
    api = Api(url, api_key)
    with contextlib.suppress(ImportError):
        # Line editing and history for input().
        import readline  # noqa: F401
    while True:
        try:
            text = input("you> ").strip()
        except (EOFError, KeyboardInterrupt):
            click.echo()
            return
        if text:
            _answer(api, model, user_id, session_id, text)


def _answer(api: Api, model: str, user_id: str, session_id: str, text: str) -> None:
    """Print one answer as it comes; what fails is said and the conversation goes on.

    Only the new message is sent: the server has the rest of the session.
    """
    body = {"model": model, "stream": True, "user": user_id, "messages": [{"role": "user", "content": text}]}
    stream = api.stream("/v1/chat/completions", body, {"X-MemoryOS-Session": session_id})
    click.echo(f"{model}> ", nl=False)
    try:
        for chunk in stream:
            for choice in chunk.get("choices", []):
                click.echo(choice.get("delta", {}).get("content") or "", nl=False)
        click.echo()
    except KeyboardInterrupt:
        click.echo(" [stopped]")
    except Failed as error:
        click.echo()
        click.echo(f"Error: {error.message}", err=True)
    finally:
        stream.close()
