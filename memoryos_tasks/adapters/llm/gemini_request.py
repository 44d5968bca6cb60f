"""OpenAI's chat completion request as Gemini's GenerateContentRequest.

Sources: the Gemini API's reference of generateContent, and google-genai's converters for the Gemini API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memoryos_tasks.adapters.llm.gemini_messages import Conversation
from memoryos_tasks.core.errors import InvalidRequest

#: What stands under another name in generationConfig.
_NAMES = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "n": "candidateCount",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
}
#: What Gemini, or this translation, cannot do, and what to do instead.
_REFUSED = {
    "logprobs": "leave it out; log probabilities of Gemini are not translated",
    "top_logprobs": "leave it out; log probabilities of Gemini are not translated",
    "logit_bias": "leave it out; Gemini knows none",
    "functions": "use tools",
    "function_call": "use tool_choice",
    "audio": "leave it out; Gemini's answers are text here",
    "web_search_options": "leave it out; Google's own search is not translated",
}
#: Gemini's seeds are 31 bits.
_SEEDS = 2**31

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
#: Tokens to think with, by effort, for Gemini 2.5; the figures of Google's own OpenAI-compatible door.
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
#: The least that Gemini 2.5 Pro thinks with.
_LEAST_PRO = 128
#: Levels of thinking, by effort, for Gemini 3 and later.
_LEVELS = {"none": "minimal", "minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high",
           "max": "high"}


def request(body: Mapping[str, Any], model: str, signatures: Mapping[str, str]) -> dict[str, Any]:
    """The body of generateContent. ``signatures`` are those of earlier function calls, by tool-call id.

    Raises :class:`InvalidRequest` for what Gemini cannot do and the client would miss; what only another vendor
    knows is left out.
    """
    for name, advice in _REFUSED.items():
        if body.get(name):
            raise InvalidRequest(f"{name}: {advice}.", param=name)
    said = Conversation(body.get("messages") or (), signatures, strict=_version(model) >= (3, 0))
    made: dict[str, Any] = {"contents": said.contents}
    if said.system:
        made["systemInstruction"] = {"parts": said.system}
    tools = body.get("tools")
    if tools:
        if not isinstance(tools, list):
            raise InvalidRequest("tools must be a list.", param="tools")
        made["tools"] = [{"functionDeclarations": [_declared(tool, at) for at, tool in enumerate(tools)]}]
        made |= _tool_config(body.get("tool_choice"))
    config = {**_generation(body), **_format(body.get("response_format")), **_thinking(body, model)}
    return {**made, "generationConfig": config} if config else made


def _generation(body: Mapping[str, Any]) -> dict[str, Any]:
    config = {name: body[theirs] for theirs, name in _NAMES.items() if body.get(theirs) is not None}
    stop = body.get("stop")
    if stop:
        config["stopSequences"] = [stop] if isinstance(stop, str) else stop
    if isinstance(body.get("seed"), int):
        config["seed"] = body["seed"] % _SEEDS
    return config


def _format(form: Any) -> dict[str, Any]:
    kind = form.get("type") if isinstance(form, Mapping) else None
    if form is None or kind == "text":
        return {}
    if kind not in ("json_object", "json_schema"):
        raise InvalidRequest("response_format.type must be text, json_object or json_schema.", param="response_format")
    asked = form.get("json_schema") if kind == "json_schema" else None
    schema = asked.get("schema") if isinstance(asked, Mapping) else None
    return {"responseMimeType": "application/json", **({"responseJsonSchema": schema} if schema else {})}


def _declared(tool: Any, at: int) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InvalidRequest(f"tools.{at}: Gemini takes tools of the type function.", param=f"tools.{at}")
    made = {name: function[name] for name in ("name", "description") if function.get(name)}
    # A JSON Schema as it is: `parameters` would take a part of OpenAPI's only.
    return {**made, "parametersJsonSchema": function["parameters"]} if function.get("parameters") else made


def _tool_config(choice: Any) -> dict[str, Any]:
    if choice is None:
        return {}
    modes = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
    if isinstance(choice, str) and choice in modes:
        return {"toolConfig": {"functionCallingConfig": {"mode": modes[choice]}}}
    if isinstance(choice, Mapping) and choice.get("type") == "function":
        return _only("ANY", [choice])
    allowed = choice.get("allowed_tools") if isinstance(choice, Mapping) else None
    if isinstance(allowed, Mapping):
        return _only("ANY" if allowed.get("mode") == "required" else "VALIDATED", allowed.get("tools"))
    raise InvalidRequest("tool_choice must be auto, none, required, a function or allowed_tools.", param="tool_choice")


def _only(mode: str, tools: Any) -> dict[str, Any]:
    listed = tools if isinstance(tools, list) else []
    functions = [tool.get("function") for tool in listed if isinstance(tool, Mapping)]
    names = [function.get("name") for function in functions if isinstance(function, Mapping)]
    if not names or not all(isinstance(name, str) for name in names):
        raise InvalidRequest("tool_choice must name its functions.", param="tool_choice")
    return {"toolConfig": {"functionCallingConfig": {"mode": mode, "allowedFunctionNames": names}}}


def _thinking(body: Mapping[str, Any], model: str) -> dict[str, Any]:
    effort = body.get("reasoning_effort")
    version = _version(model)
    if effort is None or version < (2, 5):
        return {}  # Earlier models do not think.
    if not isinstance(effort, str) or effort not in _LEVELS:
        raise InvalidRequest(f"reasoning_effort must be one of {', '.join(_LEVELS)}.", param="reasoning_effort")
    pro = "-pro" in model
    if version < (3, 0):
        budget = max(_BUDGETS[effort], _LEAST_PRO) if pro else _BUDGETS[effort]
        config: dict[str, Any] = {"thinkingBudget": budget}
    else:
        level = _LEVELS[effort]
        if pro and level == "minimal":
            level = "low"  # Pro models think at least a little.
        if pro and level == "medium" and version == (3, 0):
            level = "high"  # Gemini 3 Pro knows low and high only.
        config = {"thinkingLevel": level}
    if effort != "none":
        config["includeThoughts"] = True
    return {"thinkingConfig": config}


def _version(model: str) -> tuple[int, int]:
    """Major and minor; names without a version, such as ``gemini-flash-latest``, mean the newest models."""
    if model.startswith("gemma"):
        return (0, 0)
    found = _VERSION.match(model)
    return (int(found[1]), int(found[2] or 0)) if found else (99, 0)
