"""OpenAI's messages as Gemini's contents.

Sources: Gemini API, "Function calling" and "Thought signatures". What a signature is given with must come back with it:
the part of the first function call of a step. Results of parallel calls stand in one content after all the calls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from memoryos_tasks.adapters.llm.gemini_media import parts
from memoryos_tasks.core.chat import text_of
from memoryos_tasks.core.errors import InvalidRequest

#: How ids of calls begin that are not Gemini's own: it is not told them.
FOREIGN = "call_"
#: What stands for a signature that is lost, or of a call that another model made; the vendor documents it.
LOST = "skip_thought_signature_validator"

Message = Mapping[str, Any]
Part = dict[str, Any]


class Conversation:
    """The messages of one request; ``signatures`` of earlier calls by tool-call id.

    ``strict``: the model refuses calls without a signature (Gemini 3 and later), so that a lost one needs a stand-in.
    Raises :class:`InvalidRequest` for what Gemini cannot take.
    """

    def __init__(self, messages: Sequence[Message], signatures: Mapping[str, str], *, strict: bool) -> None:
        self._signatures = signatures
        self._strict = strict
        self._names: dict[str, str] = {}
        self.system: list[Part] = []
        self.contents: list[Part] = []
        for at, message in enumerate(messages):
            self._add(message, f"messages.{at}")
        if not self.contents and self.system:
            # Gemini answers no bare instruction.
            self.contents, self.system = [{"role": "user", "parts": self.system}], []
        if not self.contents:
            raise InvalidRequest("messages: all are empty; Gemini needs one that says something.", param="messages")

    def _add(self, message: Message, where: str) -> None:
        role = message.get("role")
        if role in ("system", "developer"):
            self.system += parts(message.get("content"), f"{where}.content")
        elif role == "user":
            self._say("user", parts(message.get("content"), f"{where}.content"))
        elif role == "assistant":
            said = parts(message.get("content"), f"{where}.content")
            self._say("model", said + self._calls(message.get("tool_calls"), f"{where}.tool_calls"))
        elif role == "tool":
            self._say("user", [self._result(message, where)])
        else:
            raise InvalidRequest(f"{where}.role: Gemini knows no role {role!r}; use 'tool' for the results of tools.",
                                 param=f"{where}.role")

    def _say(self, role: str, said: list[Part]) -> None:
        """Messages of one role in a row are one content; results stand apart from what the user says after them."""
        if not said:
            return
        last = self.contents[-1] if self.contents else None
        if last and last["role"] == role and _is_result(last["parts"][-1]) == _is_result(said[0]):
            last["parts"] += said
        else:
            self.contents.append({"role": role, "parts": said})

    def _calls(self, calls: Any, where: str) -> list[Part]:
        if not isinstance(calls, list | None):
            raise InvalidRequest(f"{where} must be a list.", param=where)
        made = [self._call(call, f"{where}.{at}") for at, call in enumerate(calls or ())]
        if made and self._strict:
            made[0].setdefault("thoughtSignature", LOST)
        return made

    def _call(self, call: Any, where: str) -> Part:
        function = call.get("function") if isinstance(call, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(name, str):
            raise InvalidRequest(f"{where}: Gemini knows calls of functions only, with their names.", param=where)
        id = str(call.get("id") or "")
        self._names[id] = name
        signature = _sent_along(call) or self._signatures.get(id)
        arguments = _arguments(function.get("arguments"), f"{where}.function.arguments")
        part: Part = {"functionCall": {**_own(id), "name": name, "args": arguments}}
        return {**part, "thoughtSignature": signature} if signature else part

    def _result(self, message: Message, where: str) -> Part:
        id = str(message.get("tool_call_id") or "")
        name = self._names.get(id) or message.get("name")
        if not isinstance(name, str) or not name:
            raise InvalidRequest(f"{where}.tool_call_id: no message before this one calls a tool with the id {id!r}.",
                                 param=f"{where}.tool_call_id")
        content = message.get("content")
        if isinstance(content, list) and any("text" not in part for part in content):
            raise InvalidRequest(f"{where}.content: the result of a tool must be text.", param=f"{where}.content")
        return {"functionResponse": {**_own(id), "name": name, "response": _response(text_of(content))}}


def called(messages: Sequence[Message]) -> list[str]:
    """The ids of the tool calls in ``messages``."""
    given = (message.get("tool_calls") for message in messages)
    calls = [call for one in given if isinstance(one, list) for call in one]
    return [str(call["id"]) for call in calls if isinstance(call, Mapping) and call.get("id")]


def _is_result(part: Part) -> bool:
    return "functionResponse" in part


def _own(id: str) -> Part:
    return {"id": id} if id and not id.startswith(FOREIGN) else {}


def _sent_along(call: Mapping[str, Any]) -> str:
    """The signature where Google's own OpenAI-compatible door puts it."""
    found: Any = call
    for name in ("extra_content", "google", "thought_signature"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def _arguments(text: Any, where: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text) if isinstance(text, str) and text.strip() else text or {}
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise InvalidRequest(f"{where} must be a JSON object, as text.", param=where)
    return arguments


def _response(text: str) -> dict[str, Any]:
    """An object is the output as it is; anything else goes under the name that Google gives it."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    return parsed if isinstance(parsed, dict) else {"output": text}
