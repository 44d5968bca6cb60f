"""What a vendor said beside its tool calls and wants to hear again with their results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from memoryos_tasks.ports.keepsakes import Keepsakes
from memoryos_tasks.ports.llm import ModelCall

#: Marks what was said after the result of a tool call, in a message that has no tool call of its own.
_AFTER = "after:"


class GiveBack:
    """The ``fields`` of one call's messages: those of earlier answers restored, those of this answer kept.

    They are kept by the first tool call of their message. The answer that follows the results of tool calls is kept
    by the last of those.
    """

    def __init__(self, fields: tuple[str, ...], keepsakes: Keepsakes, call: ModelCall) -> None:
        self._fields = fields
        self._keepsakes = keepsakes
        self._call = call
        self._heard: dict[int, dict[str, Any]] = {}
        self._ids: dict[int, str] = {}

    def restored(self) -> dict[str, Any]:
        """The call's body; messages that lack a field which is kept for them have it."""
        body = dict(self._call.body)
        if not self._fields or self._call.owner is None:
            return body
        wanted = {at: key for at, key, message in self._keys() if not any(map(message.get, self._fields))}
        if not wanted:
            return body
        kept = self._keepsakes.kept(self._call.owner, list(wanted.values()))
        body["messages"] = [
            {**message, **self._own(kept.get(wanted.get(at, ""), {}))} for at, message in enumerate(body["messages"])
        ]
        return body

    def hear(self, part: object, index: object) -> None:
        """A delta, or a whole message, of choice ``index``."""
        if not self._fields or self._call.owner is None or not isinstance(part, Mapping) or not isinstance(index, int):
            return
        heard = self._heard.setdefault(index, {})
        for field in self._fields:
            _add(heard, field, part.get(field))
        calls = part.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, Mapping) and isinstance(call.get("id"), str) and call["id"]:
                self._ids.setdefault(index, call["id"])

    def keep(self) -> None:
        """Keep what was heard: the answer is whole."""
        last = self._after(self._call.body.get("messages") or ())
        parts = {self._ids.get(index, last): heard for index, heard in self._heard.items() if heard}
        parts.pop("", None)
        if parts and self._call.owner is not None:
            self._keepsakes.keep(self._call.owner, parts)

    def _own(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """Without what another vendor kept for the same call: conversations move from model to model."""
        return {field: kept[field] for field in self._fields if field in kept}

    def _keys(self) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
        """Place, key and message of each assistant message that something may be kept for."""
        messages = self._call.body.get("messages") or ()
        for at, message in enumerate(messages):
            if message.get("role") != "assistant":
                continue
            ids = [call.get("id") for call in message.get("tool_calls") or () if isinstance(call, Mapping)]
            key = ids[0] if ids else self._after(messages[:at])
            if isinstance(key, str) and key:
                yield at, key, message

    @staticmethod
    def _after(messages: Any) -> str:
        last = messages[-1] if messages else {}
        id = last.get("tool_call_id") if last.get("role") == "tool" else None
        return f"{_AFTER}{id}" if id else ""


def _add(heard: dict[str, Any], field: str, value: Any) -> None:
    """Texts grow; of lists of reasoning details, the pieces of one text become one, as their vendor wants them back."""
    if isinstance(value, str):
        if value:
            heard[field] = heard.get(field, "") + value
    elif isinstance(value, list):
        for detail in value:
            _add_detail(heard.setdefault(field, []), detail)


def _add_detail(details: list[Any], detail: Any) -> None:
    last: Any = details[-1] if details else None
    if not (_is_text(last) and _is_text(detail) and last["index"] == detail["index"]):
        details.append(detail)
        return
    text = (last.get("text") or "") + (detail.get("text") or "")
    details[-1] = {**last, **{name: value for name, value in detail.items() if value is not None}, "text": text}


def _is_text(detail: Any) -> bool:
    return isinstance(detail, Mapping) and detail.get("type") == "reasoning.text" and "index" in detail
