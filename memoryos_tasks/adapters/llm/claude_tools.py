"""Tools and the choice among them, in Claude's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from memoryos_tasks.adapters.llm.claude_model import ClaudeModel
from memoryos_tasks.adapters.llm.claude_schema import Open, closed
from memoryos_tasks.core.errors import InvalidRequest

_ANYTHING: dict[str, Any] = {"type": "object", "properties": {}}


def tools(body: Mapping[str, Any], model: ClaudeModel, used: Iterable[str]) -> dict[str, Any]:
    """``tools`` and ``tool_choice``. ``used`` are the names of tools that the conversation has called: the vendor
    wants tools described wherever one was used, so without any they stand there, not to be called.

    Raises :class:`InvalidRequest`.
    """
    given = body.get("tools") or ()
    made = [_tool(tool, f"tools[{place}]", model) for place, tool in enumerate(given)]
    if not made:
        made = [{"name": name, "input_schema": _ANYTHING} for name in dict.fromkeys(used)]
        return {"tools": made, "tool_choice": {"type": "none"}} if made else {}
    choice = _choice(body.get("tool_choice"))
    if body.get("parallel_tool_calls") is False and (choice or {}).get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return {"tools": made, "tool_choice": choice} if choice else {"tools": made}


def _tool(tool: Any, where: str, model: ClaudeModel) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InvalidRequest(f"{where}: Claude is given tools of type 'function' only.", param=where)
    schema = function.get("parameters") or _ANYTHING
    made: dict[str, Any] = {"name": function["name"], "input_schema": {"type": "object", **schema}}
    if function.get("description"):
        made["description"] = function["description"]
    if function.get("strict") is True and model.structured:
        with suppress(Open):  # an open schema cannot be enforced; the model still sees it
            made |= {"input_schema": closed(made["input_schema"]), "strict": True}
    if isinstance(tool.get("cache_control"), dict):
        made["cache_control"] = tool["cache_control"]
    return made


def _choice(choice: Any) -> dict[str, Any] | None:
    if choice is None:
        return None
    if isinstance(choice, str) and choice in _WORDS:
        return {"type": _WORDS[choice]}
    function = choice.get("function") if isinstance(choice, Mapping) else None
    if isinstance(function, Mapping) and isinstance(function.get("name"), str):
        return {"type": "tool", "name": function["name"]}
    raise InvalidRequest(
        "tool_choice must be 'none', 'auto', 'required' or name one function for Claude.", param="tool_choice")


_WORDS = {"auto": "auto", "none": "none", "required": "any"}
