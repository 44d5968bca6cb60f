"""An OpenAI chat completion as a body for Claude's ``/v1/messages``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memoryos_tasks.adapters.llm.claude_messages import Conversation, call_ids, conversation
from memoryos_tasks.adapters.llm.claude_model import ClaudeModel
from memoryos_tasks.adapters.llm.claude_schema import Open, closed
from memoryos_tasks.adapters.llm.claude_thinking import limit_and_thinking
from memoryos_tasks.adapters.llm.claude_thoughts import of_model
from memoryos_tasks.adapters.llm.claude_tools import tools
from memoryos_tasks.adapters.llm.json_words import JSON_ONLY, by_schema, schema_of
from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.ports.keepsakes import Keepsakes
from memoryos_tasks.ports.llm import ModelCall

_OFF = {"type": "disabled"}


def request(call: ModelCall, keepsakes: Keepsakes, *, stream: bool) -> dict[str, Any]:
    """The body. Raises :class:`InvalidRequest` for what Claude cannot do and the client would miss."""
    body = call.body
    _refuse_what_is_not_there(body)
    model = ClaudeModel(call.model)
    made = {"model": call.model, "stream": stream, **limit_and_thinking(body, model), **_sampling(body)}
    talk = _conversation(call, keepsakes, thinking=made.get("thinking") != _OFF)
    _agree_on_thoughts(made, talk, model)
    made |= tools(body, model, talk.used)
    form = _format(body.get("response_format"), model)
    if isinstance(form, str):
        talk.system.append({"type": "text", "text": form})
    elif form:
        made["output_config"] = {**made.get("output_config", {}), "format": form}
    if talk.system:
        made["system"] = _system(talk.system)
    return {**made, "messages": talk.turns}


def _conversation(call: ModelCall, keepsakes: Keepsakes, *, thinking: bool) -> Conversation:
    messages = call.body.get("messages") or ()
    ids = call_ids(messages) if thinking else []
    kept = keepsakes.kept(call.owner, ids) if ids and call.owner is not None else {}
    return conversation(messages, of_model(kept, call.model))


def _agree_on_thoughts(made: dict[str, Any], talk: Conversation, model: ClaudeModel) -> None:
    thinking = made.get("thinking", {})
    if thinking.get("type") == "enabled" and talk.thoughtless:
        del made["thinking"]  # the vendor refuses to begin to think between a call and its result
    if talk.thoughts and model.bound:
        # Memories in the system prompt may have changed since: rather without the thought than refused.
        binding = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}
        made["thinking"] = {"type": "adaptive", **binding, **thinking}


def _system(system: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if any("cache_control" in block for block in system):
        return system
    return "\n\n".join(block["text"] for block in system)


def _sampling(body: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults are left out, because the newest models refuse these fields; other values pass, to be judged there."""
    made: dict[str, Any] = {}
    temperature = body.get("temperature")
    if isinstance(temperature, (int, float)):
        temperature = min(temperature, 1)  # OpenAI's scale goes on to 2; the vendor's own OpenAI door caps it so
    for name, value, default in (("temperature", temperature, 1), ("top_p", body.get("top_p"), 1)):
        if value is not None and value != default:
            made[name] = value
    if body.get("top_k") is not None:
        made["top_k"] = body["top_k"]
    stop = body.get("stop")
    if stop:
        made["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    return made


def _format(form: Any, model: ClaudeModel) -> dict[str, Any] | str | None:
    """A JSON schema to enforce, an instruction where the model has no such thing, or None for plain text.

    Claude has no JSON mode without a schema, and its newest models refuse a forced tool.
    """
    kind = form.get("type") if isinstance(form, Mapping) else form
    if kind in (None, "text"):
        return None
    if kind == "json_object":
        return JSON_ONLY
    schema = schema_of(form)
    if not model.structured:
        return by_schema(schema)
    try:
        return {"type": "json_schema", "schema": closed(schema)}
    except Open:
        raise InvalidRequest(
            "Claude holds an answer to closed objects only: name every property of response_format's schema.",
            param="response_format") from None


def _refuse_what_is_not_there(body: Mapping[str, Any]) -> None:
    if body.get("n") not in (None, 1):
        raise InvalidRequest("Claude gives one answer: leave n at 1.", param="n")
    if body.get("logprobs"):
        raise InvalidRequest("Claude tells no logprobs: leave them out.", param="logprobs")
    for name in ("functions", "function_call"):
        if body.get(name):
            raise InvalidRequest(f"{name} is of the past: use tools and tool_choice.", param=name)
    if any(kind != "text" for kind in body.get("modalities") or ()):
        raise InvalidRequest("Claude answers in text only.", param="modalities")
