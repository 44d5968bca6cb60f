"""An OpenAI conversation as Claude's: system prompts apart, turns that alternate, tool results with their calls."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memoryos_tasks.adapters.llm.claude_blocks import Block, blocks, texts
from memoryos_tasks.adapters.llm.claude_thoughts import THOUGHTS, restored
from memoryos_tasks.core.chat import Message
from memoryos_tasks.core.errors import InvalidRequest

Turn = dict[str, Any]

_SYSTEM = ("system", "developer")
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(slots=True)
class Conversation:
    """``system`` holds all system prompts in order, wherever they stood; ``used`` the tools that were called."""

    system: list[Block] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    used: list[str] = field(default_factory=list)

    @property
    def thoughts(self) -> bool:
        """Whether any thought went back."""
        return any(block["type"] in THOUGHTS for turn in self.turns for block in turn["content"])

    @property
    def thoughtless(self) -> bool:
        """Whether tools are being used in an answer that begins without a thought.

        A model with a budget for thoughts refuses to go on thinking there.
        """
        answer: list[Block] = []
        for turn in self.turns:
            kinds = {block["type"] for block in turn["content"]}
            if turn["role"] == "user" and "tool_result" not in kinds:
                answer = []
            elif turn["role"] == "assistant":
                answer += turn["content"]
        return any(block["type"] == "tool_use" for block in answer) and answer[0]["type"] not in THOUGHTS


def call_ids(messages: Sequence[Message]) -> list[str]:
    """The ids of all tool calls in the messages."""
    calls = (call for message in messages for call in message.get("tool_calls") or () if isinstance(call, Mapping))
    return [call["id"] for call in calls if isinstance(call.get("id"), str)]


def conversation(messages: Sequence[Message], kept: Mapping[str, Mapping[str, Any]]) -> Conversation:
    """The conversation, with the ``kept`` thoughts (by tool-call id) back in their places.

    Turns of one role in a row become one, as the vendor does; tool results come first in theirs, as it demands.
    Raises :class:`InvalidRequest`.
    """
    made = Conversation()
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        role = message.get("role")
        if role in _SYSTEM:
            made.system += texts(message.get("content"), f"{where}.content")
        elif role == "user":
            _add(made, "user", blocks(message.get("content"), f"{where}.content"))
        elif role == "assistant":
            said = texts(message.get("content") or message.get("refusal"), f"{where}.content")
            asked = message.get("tool_calls") or ()
            calls = [_call(call, f"{where}.tool_calls[{at}]") for at, call in enumerate(asked)]
            made.used += [call["name"] for _, call in calls]
            _add(made, "assistant", restored(said, calls, kept))
        elif role == "tool":
            _add(made, "user", [_result(message, where)])
        else:
            raise InvalidRequest(f"{where}.role must be system, developer, user, assistant or tool.", param=where)
    for turn in made.turns:
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    _trim_prefill(made.turns)
    if not made.turns and made.system:
        # The vendor wants at least one turn.
        made.turns, made.system = [{"role": "user", "content": made.system}], []
    return made


def _add(made: Conversation, role: str, content: list[Block]) -> None:
    if not content:
        return
    if made.turns and made.turns[-1]["role"] == role:
        made.turns[-1]["content"] += content
    else:
        made.turns.append({"role": role, "content": content})


def _call(call: Any, where: str) -> tuple[str, Block]:
    """The id that the client knows, and the block."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(call.get("id"), str):
        raise InvalidRequest(f"{where} must have an id and a function.", param=where)
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise InvalidRequest(f"{where}.function.arguments must be a JSON object.", param=where)
    block = {"type": "tool_use", "id": _id(call["id"]), "name": str(function.get("name")), "input": arguments}
    return call["id"], block


def _result(message: Message, where: str) -> Block:
    id = message.get("tool_call_id")
    if not isinstance(id, str) or not id:
        raise InvalidRequest(f"{where}.tool_call_id must name the call that this answers.", param=where)
    content = message.get("content")
    said: object = content if isinstance(content, str) else blocks(content, f"{where}.content")
    return {"type": "tool_result", "tool_use_id": _id(id), **({"content": said} if said else {})}


def _id(id: str) -> str:
    """An id that the vendor takes; those of other vendors may hold more characters."""
    return _NOT_IN_IDS.sub("_", id)


def _trim_prefill(turns: list[Turn]) -> None:
    """The beginning of the answer to come must not end in white space."""
    if not turns or turns[-1]["role"] != "assistant" or turns[-1]["content"][-1]["type"] != "text":
        return
    last = turns[-1]["content"][-1]
    turns[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
