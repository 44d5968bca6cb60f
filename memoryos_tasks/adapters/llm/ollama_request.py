"""An OpenAI chat request in the words of Ollama's ``/api/chat``.

Source: docs/api.md and api/types.go of the Ollama repository.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from memoryos_tasks.core.chat import text_of
from memoryos_tasks.core.errors import InvalidRequest

#: Fields that both sides call the same; Ollama takes them among its ``options``. The second half are Ollama's own.
_OPTIONS = ("temperature", "top_p", "seed", "frequency_penalty", "presence_penalty",
            "top_k", "min_p", "typical_p", "repeat_penalty", "repeat_last_n", "num_keep", "num_ctx")
#: Ollama's own fields beside the messages.
_OWN = ("think", "keep_alive", "truncate", "shift")

#: ``reasoning_effort`` as ``think``. A server takes the levels for models that have some, and means "on" elsewhere.
_THINK: Mapping[str, bool | str] = {
    "none": False, "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "max", "max": "max",
}

_IMAGE = re.compile(r"data:[^,]*;base64,(.+)", re.DOTALL)


def request(body: Mapping[str, Any], model: str, *, stream: bool) -> dict[str, Any]:
    """What goes to ``/api/chat``. Raises :class:`InvalidRequest` for what Ollama can not do.

    A prompt that is longer than the model's context is refused by Ollama unless the client says ``truncate: true``:
    left to itself it would drop the oldest messages without a word.
    """
    _refuse_what_it_lacks(body)
    asked: dict[str, Any] = {
        "model": model,
        "messages": messages(body.get("messages") or ()),
        "stream": stream,
        "truncate": False,
        **{name: body[name] for name in _OWN if body.get(name) is not None},
    }
    if "think" not in asked and body.get("reasoning_effort") is not None:
        asked["think"] = _think(body["reasoning_effort"])
    if (form := _format(body.get("response_format"))) is not None:
        asked["format"] = form
    if (body.get("tools") or ()) and body.get("tool_choice") != "none":
        asked["tools"] = list(body["tools"])
    if options := _options(body):
        asked["options"] = options
    return asked


def messages(asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The conversation: pictures beside the text, arguments as objects, results under their tool's name."""
    tools: dict[str, str] = {}
    return [_message(message, f"messages.{place}", tools) for place, message in enumerate(asked)]


def _message(message: Mapping[str, Any], at: str, tools: dict[str, str]) -> dict[str, Any]:
    role = message.get("role")
    if role == "developer":
        role = "system"
    if role not in ("system", "user", "assistant", "tool"):
        raise InvalidRequest(f"Ollama knows no role {role!r}: use system, user, assistant or tool.", param=f"{at}.role")
    content = message.get("content")
    told: dict[str, Any] = {"role": role, "content": text_of(content)}
    if images := _images(content, f"{at}.content"):
        told["images"] = images
    if role == "assistant":
        if isinstance(message.get("reasoning_content"), str):
            told["thinking"] = message["reasoning_content"]
        if calls := message.get("tool_calls"):
            told["tool_calls"] = [_call(call, f"{at}.tool_calls.{n}", tools) for n, call in enumerate(calls)]
    if role == "tool":
        id = str(message.get("tool_call_id") or "")
        name = tools.get(id) or message.get("name")
        if not name:
            raise InvalidRequest(
                f"No tool call before this message has the id {id!r}, and Ollama needs the tool's name.",
                param=f"{at}.tool_call_id",
            )
        told |= {"tool_name": name, "tool_call_id": id}
    return told


def _call(call: Mapping[str, Any], at: str, tools: dict[str, str]) -> dict[str, Any]:
    function = call.get("function") or {}
    text = function.get("arguments") or "{}"
    try:
        arguments = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise InvalidRequest("A tool call's arguments must be a JSON object.", param=f"{at}.function.arguments")
    id, name = str(call.get("id") or ""), str(function.get("name") or "")
    tools[id] = name
    return {"id": id, "function": {"name": name, "arguments": arguments}}


def _images(content: object, at: str) -> list[str]:
    """The pictures as base64. Other parts than text and pictures can not be told."""
    found = []
    for place, part in enumerate(content if isinstance(content, list) else ()):
        kind = part.get("type") if isinstance(part, Mapping) else "text"
        if kind == "image_url":
            image = part.get("image_url")
            found.append(_image(image.get("url") if isinstance(image, Mapping) else image, f"{at}.{place}.image_url"))
        elif kind not in ("text", "refusal"):
            raise InvalidRequest(f"Ollama takes text and images, no part of type {kind!r}.", param=f"{at}.{place}")
    return found


def _image(url: object, at: str) -> str:
    data = _IMAGE.fullmatch(url) if isinstance(url, str) else None
    if data is None:
        raise InvalidRequest("Ollama fetches no images: send it as a data URL, data:image/png;base64,….", param=at)
    return data[1]


def _think(effort: object) -> bool | str:
    if not isinstance(effort, str) or effort not in _THINK:
        raise InvalidRequest(f"reasoning_effort must be one of {', '.join(_THINK)}.", param="reasoning_effort")
    return _THINK[effort]


def _format(form: object) -> object | None:
    """``response_format`` as ``format``: "json", or a schema that the answer is held to."""
    kind = form.get("type") if isinstance(form, Mapping) else None
    if form is None or kind == "text":
        return None
    if kind == "json_object":
        return "json"
    schema = (form.get("json_schema") or {}).get("schema") if isinstance(form, Mapping) else None
    if kind != "json_schema" or not isinstance(schema, Mapping):
        raise InvalidRequest("response_format must be text, json_object, or json_schema with a schema.",
                             param="response_format")
    return schema


def _options(body: Mapping[str, Any]) -> dict[str, Any]:
    own = body.get("options")
    options = dict(own) if isinstance(own, Mapping) else {}
    options |= {name: body[name] for name in _OPTIONS if body.get(name) is not None}
    for name in ("max_tokens", "max_completion_tokens"):
        if body.get(name) is not None:
            options["num_predict"] = body[name]
    stop = body.get("stop")
    if stop is not None:
        options["stop"] = [stop] if isinstance(stop, str) else list(stop)
    return options


def _refuse_what_it_lacks(body: Mapping[str, Any]) -> None:
    if body.get("n") not in (None, 1):
        raise InvalidRequest("Ollama gives one answer: leave n at 1.", param="n")
    if body.get("logprobs") or body.get("top_logprobs"):
        raise InvalidRequest("Log probabilities of Ollama's models are not passed on: leave logprobs out.",
                             param="logprobs")
    if body.get("logit_bias"):
        raise InvalidRequest("Ollama has no logit_bias: leave it out.", param="logit_bias")
    if body.get("modalities") not in (None, ["text"]):
        raise InvalidRequest("Ollama answers with text: leave modalities out.", param="modalities")
    if not body.get("tools"):
        return
    if body.get("tool_choice") not in (None, "auto", "none"):
        raise InvalidRequest("Ollama's models choose their tools themselves: tool_choice may be auto or none.",
                             param="tool_choice")
    if body.get("parallel_tool_calls") is False:
        raise InvalidRequest("Ollama can not be kept from calling several tools: leave parallel_tool_calls out.",
                             param="parallel_tool_calls")
    for place, tool in enumerate(body["tools"]):
        if not isinstance(tool, Mapping) or tool.get("type") != "function":
            raise InvalidRequest("Ollama takes tools of type function.", param=f"tools.{place}.type")
