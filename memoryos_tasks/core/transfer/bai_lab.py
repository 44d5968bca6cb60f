"""Data folders of BAI-LAB's MemoryOS: ``short_term.json``, ``mid_term.json``, ``long_term_user.json`` of one user.

``short_term`` is a list of exchanges {user_input, agent_response, timestamp}; ``mid_term`` is {sessions: {id:
{summary, details: [exchanges]}}}; ``long_term_user`` is {user_profiles: {user: {data, last_updated}},
knowledge_base: [{knowledge, timestamp}], assistant_knowledge: […]}. Times are local and name no zone; they are read
as UTC. One exchange may stand in several sessions there; it is taken once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from memoryos_tasks.core.transfer.found import Found, Message, Skipped, Unfit, mark, text_of, time_of
from memoryos_tasks.core.transfer.notes import note
from memoryos_tasks.core.transfer.stream import Path

#: The session that imported exchanges belong to.
SESSION = "bai-lab"
_FILES = ("short_term", "mid_term", "long_term_user")
_EMPTY = ("", "none", "- none", "- none.")


def opens(path: Path) -> bool:
    """Down to single exchanges and single pieces of knowledge."""
    if len(path) < 2:
        return len(path) == 0 or _file(path[0]) in _FILES
    file = _file(path[0])
    if file == "mid_term":
        return path[1] == "sessions" and (len(path) < 4 or (len(path) == 4 and path[3] == "details"))
    return file == "long_term_user" and len(path) == 2


def read(path: Path, value: Any) -> Iterator[Found]:
    """What one part of the folder says."""
    where = ".".join(map(str, path))
    file = _file(path[0]) if path else ""
    try:
        if (file, len(path)) in (("short_term", 2), ("mid_term", 5)):
            yield from _exchange(value)
        elif file == "long_term_user" and len(path) == 3:
            yield from _known(str(path[1]), value)
        elif not path and value != {}:
            yield Skipped("data", "is not an object of files")
        elif len(path) == 1 and file not in _FILES:
            yield Skipped(where, f"is none of the files {', '.join(_FILES)}")
        elif len(path) == 1 and value:
            yield Skipped(where, "does not have the shape of this file")
    except Unfit as error:
        yield Skipped(where, str(error))


def _file(name: object) -> str:
    return str(name).removesuffix(".json")


def _exchange(value: Any) -> Iterator[Found]:
    if not isinstance(value, Mapping):
        raise Unfit("must be an object with user_input and agent_response")
    at = time_of(value.get("timestamp"))
    said = [("user", value.get("user_input")), ("assistant", value.get("agent_response"))]
    if not any(isinstance(text, str) and text.strip() for _, text in said):
        raise Unfit("user_input and agent_response: hold no text")
    for role, text in said:
        if not isinstance(text, str) or not text.strip():
            continue
        content = text_of(text, f"{role}'s text")
        event_id = mark("bai-lab", role, *(text for _, text in said), value.get("timestamp"))
        yield Message(event_id, "user" if role == "user" else "assistant", content, at, session=SESSION)


def _known(list_name: str, value: Any) -> Iterator[Found]:
    if not isinstance(value, Mapping):
        raise Unfit("must be an object")
    if list_name == "user_profiles":
        text, at = value.get("data"), value.get("last_updated")
    elif list_name == "knowledge_base":
        text, at = value.get("knowledge"), value.get("timestamp")
    else:
        raise Unfit("is knowledge of the assistant, which has no place here")
    if isinstance(text, str) and text.strip().lower() in _EMPTY:
        return
    content = text_of(text, "knowledge")
    event_id = mark("bai-lab", list_name, content)
    yield from note(event_id, content, time_of(at), SESSION)
