"""Gemini as Google documents it: generateContent, streamGenerateContent?alt=sse, and the list of models.

A call of a tool carries a thoughtSignature, and the model ``strict`` refuses it without, as Gemini 3 does.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from vendors.base import Exchange, Vendor

SIGNATURE = "8PHy8/T19vf4+fr7/P3+/3NpZyE="
LOST = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
CITIES = ("Oslo", "杭州")
#: What it costs: 11 tokens of prompt, 4 of them cached; 4 said and 3 thought.
USAGE = {"promptTokenCount": 11, "cachedContentTokenCount": 4, "candidatesTokenCount": 4, "thoughtsTokenCount": 3,
         "totalTokenCount": 18}
_PATH = re.compile(r"/v1beta/models/([^/:?]+):(generateContent|streamGenerateContent\?alt=sse)")
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
           409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}

Part = dict[str, Any]


class GeminiExchange(Exchange):
    """Answers in parts: whole, or each step as an event."""

    def steps(self, *steps: list[Part], finish: str = "STOP", **more: Any) -> None:
        """Parts that come at once are a step; the last has the finishReason. Usage grows to USAGE, as Gemini's does."""
        if not self.streaming:
            self.answer(200, self.response([part for step in steps for part in step], finish, **more))
            return
        self.open_stream()
        for step in steps[:-1]:
            self.event(self.response(step))
        self.event(self.response(steps[-1], finish, **more))
        self.end()

    def response(self, parts: list[Part], finish: str = "", *, index: int = 0, **more: Any) -> dict[str, Any]:
        """A GenerateContentResponse of one candidate; Gemini leaves an index of 0 in."""
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": index}
        if finish:
            candidate |= {"finishReason": finish, **more}
        usage = USAGE if finish else {"promptTokenCount": 11, "totalTokenCount": 11}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": self.model, "responseId": "r1"}

    @property
    def parts(self) -> list[Part]:
        """All parts of the conversation."""
        return [part for content in self.body["contents"] for part in content["parts"]]

    @property
    def last_text(self) -> str:
        """What the user said last."""
        texts = [part["text"] for content in self.body["contents"] if content["role"] == "user"
                 for part in content["parts"] if "text" in part]
        return str(texts[-1]) if texts else ""


class GeminiVendor(Vendor):
    """See :mod:`vendors.base`; the base URL is the bare host."""

    exchange: ClassVar[type[Exchange]] = GeminiExchange

    def model(self, path: str, body: Mapping[str, Any]) -> str | None:
        found = _PATH.fullmatch(path)
        return found[1] if found else None

    def streams(self, path: str, body: Mapping[str, Any]) -> bool:
        return ":streamGenerateContent" in path

    def listing(self, path: str) -> object | None:
        if path.partition("?")[0] != "/v1beta/models":
            return None
        chats = [{"name": f"models/{name}", "supportedGenerationMethods": ["generateContent", "countTokens"]}
                 for name in self.scenarios]
        return {"models": [*chats, {"name": "models/embedding", "supportedGenerationMethods": ["embedContent"]}]}

    def error(self, status: int, message: str) -> object:
        details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}] if status == 429 else []
        named = {"status": _STATUS.get(status, "UNKNOWN"), **({"details": details} if details else {})}
        return {"error": {"code": status, "message": message, **named}}


def echo(exchange: GeminiExchange) -> None:
    words = re.findall(r"\S+\s*", exchange.last_text) or [""]
    exchange.steps(*([{"text": word}] for word in words), [{"text": ""}])


def system(exchange: GeminiExchange) -> None:
    texts = [part["text"] for part in exchange.body["systemInstruction"]["parts"]]
    exchange.steps([{"text": "\n".join(texts)}])


def parallel_tools(exchange: GeminiExchange) -> None:
    """Text, a call with the signature, and one without, all in one response."""
    assert [tool["name"] for tool in exchange.body["tools"][0]["functionDeclarations"]] == ["get_weather"]
    first, second = ({"functionCall": {"name": "get_weather", "args": {"city": city}}} for city in CITIES)
    exchange.steps([{"text": "Calling."}, {**first, "thoughtSignature": SIGNATURE}, second])


def own_ids(exchange: GeminiExchange) -> None:
    """Calls in two responses, with ids of Gemini's own."""
    calls: list[Part] = [{"functionCall": {"id": f"fc-{city}", "name": "get_weather", "args": {"city": city}}}
                         for city in CITIES]
    calls[0]["thoughtSignature"] = SIGNATURE
    exchange.steps(*([call] for call in calls), [{"text": ""}])


def tool_result(exchange: GeminiExchange) -> None:
    """Says the results, once every step's first call has a signature and the results stand where they must."""
    contents = exchange.body["contents"]
    for at, content in enumerate(contents):
        calls = [part for part in content["parts"] if "functionCall" in part]
        if not calls:
            continue
        if exchange.model == "strict" and calls[0].get("thoughtSignature") not in (SIGNATURE, *LOST):
            name = calls[0]["functionCall"]["name"]
            text = f"Function call is missing a thought_signature in functionCall parts. Function call `{name}`."
            exchange.answer(400, exchange.server.error(400, text))
            return
        results = [part for part in contents[at + 1]["parts"] if "functionResponse" in part]
        assert [call["functionCall"]["name"] for call in calls] == [
            result["functionResponse"]["name"] for result in results]
    said = [part["functionResponse"]["response"] for part in exchange.parts if "functionResponse" in part]
    exchange.steps([{"text": ", ".join(_text(response) for response in said)}])


def _text(response: Mapping[str, Any]) -> str:
    output = response.get("output", response)
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)


def image(exchange: GeminiExchange) -> None:
    data = next(part["inlineData"] for part in exchange.parts if "inlineData" in part)
    exchange.steps([{"text": f"{data['mimeType']} {len(base64.b64decode(data['data'], validate=True))}"}])


def as_json(exchange: GeminiExchange) -> None:
    config = exchange.body.get("generationConfig") or {}
    asked = config.get("responseMimeType") == "application/json"
    exchange.steps([{"text": '{"answer":'}], [{"text": " 42}" if asked else "?"}])


def reasoning(exchange: GeminiExchange) -> None:
    """A thought and the answer in one response."""
    exchange.steps([{"text": "Let me ", "thought": True}],
                   [{"text": "think.", "thought": True}, {"text": "Done.", "thoughtSignature": SIGNATURE}])


def length(exchange: GeminiExchange) -> None:
    exchange.steps([{"text": "Cut"}], finish="MAX_TOKENS")


def content_block(exchange: GeminiExchange) -> None:
    """A refused prompt: 200, and no candidates."""
    body = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
            "usageMetadata": {"promptTokenCount": 11, "totalTokenCount": 11}, "modelVersion": exchange.model}
    whole(exchange, body)


def content_cut(exchange: GeminiExchange) -> None:
    exchange.steps([{"text": "Once upon"}], [], finish="SAFETY")


def malformed_call(exchange: GeminiExchange) -> None:
    exchange.steps([], finish="MALFORMED_FUNCTION_CALL", finishMessage="Malformed function call: print(1)")


def no_candidates(exchange: GeminiExchange) -> None:
    whole(exchange, {"usageMetadata": {"promptTokenCount": 11}})


def two_candidates(exchange: GeminiExchange) -> None:
    """Two answers; the first candidate leaves its index out, as protobuf does with zeros."""
    first, second = exchange.response([{"text": "One"}], "STOP"), exchange.response([{"text": "Two"}], "STOP", index=1)
    del first["candidates"][0]["index"]
    if exchange.streaming:
        exchange.open_stream()
        for response in (first, second):
            exchange.event(response)
        exchange.end()
    else:
        exchange.answer(200, {**first, "candidates": first["candidates"] + second["candidates"]})


def tool_use_prompt(exchange: GeminiExchange) -> None:
    body = exchange.response([{"text": "Done."}], "STOP")
    body["usageMetadata"] = {**USAGE, "toolUsePromptTokenCount": 5, "totalTokenCount": 23}
    whole(exchange, body)


def truncated(exchange: GeminiExchange) -> None:
    if exchange.streaming:
        exchange.open_stream()
        exchange.event(exchange.response([{"text": "Half"}]))
    else:
        exchange.open_body()
    exchange.drop()


def unfinished(exchange: GeminiExchange) -> None:
    """Ends properly, and never said why."""
    if exchange.streaming:
        exchange.open_stream()
        exchange.event(exchange.response([{"text": "Half"}]))
        exchange.end()
    else:
        exchange.answer(200, exchange.response([{"text": "Half"}]))


def error_mid_stream(exchange: GeminiExchange) -> None:
    error = exchange.server.error(503, "The model is overloaded.")
    if exchange.streaming:
        exchange.open_stream()
        exchange.event(exchange.response([{"text": "Half"}]))
        exchange.event(error)
        exchange.end()
    else:
        exchange.answer(200, error)


def bare_error(exchange: GeminiExchange) -> None:
    """An error in a stream that is no event, as Google's own client expects it."""
    if not exchange.streaming:
        error_mid_stream(exchange)
        return
    exchange.open_stream()
    exchange.event(exchange.response([{"text": "Half"}]))
    text = json.dumps(exchange.server.error(503, "The model is overloaded."), indent=2)
    exchange.send(f"{text[:40]}".encode())
    exchange.send(f"{text[40:]}\n".encode())
    exchange.end()


def slow_first_token(exchange: GeminiExchange) -> None:
    if exchange.streaming:
        exchange.open_stream()
    exchange.wait_gone()


def hang(exchange: GeminiExchange) -> None:
    if exchange.streaming:
        exchange.open_stream()
        exchange.event(exchange.response([{"text": "One"}]))
    exchange.wait_gone()


def stays_open(exchange: GeminiExchange) -> None:
    """Says all of it, and does not hang up."""
    exchange.open_stream()
    exchange.event(exchange.response([{"text": "All."}], "STOP"))
    exchange.wait_gone()


def unknown_parts(exchange: GeminiExchange) -> None:
    """Comments, fields and parts that nobody has heard of, and usage in an event of its own."""
    exchange.open_stream()
    exchange.comment("keep-alive")
    exchange.event({"candidates": [{"content": {"role": "model"}, "novelty": 1}], "novelty": {}})
    exchange.event(exchange.response([{"novelPart": {}}, {"text": "Done."}], "STOP"))
    exchange.event({"usageMetadata": USAGE, "modelVersion": exchange.model})
    exchange.end()


def bad_key(exchange: GeminiExchange) -> None:
    """What Google says to a key that it does not know."""
    detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
              "domain": "googleapis.com"}
    body = {"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.",
                      "status": "INVALID_ARGUMENT", "details": [detail]}}
    exchange.answer(400, body)


def quota(exchange: GeminiExchange) -> None:
    """The wait stands in the body only; the stream's door wraps the error in a list."""
    error = exchange.server.error(429, "Quota exceeded.")
    exchange.answer(429, [error] if exchange.streaming else error)


def not_streamed(exchange: GeminiExchange) -> None:
    """A whole answer, also where a stream was asked for; and nothing about its cost."""
    body = exchange.response([{"text": "Whole."}], "STOP")
    del body["usageMetadata"]
    exchange.answer(200, body)


def picture(exchange: GeminiExchange) -> None:
    exchange.steps([{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}])


def whole(exchange: GeminiExchange, body: object) -> None:
    """One response, in either mode."""
    if not exchange.streaming:
        exchange.answer(200, body)
        return
    exchange.open_stream()
    exchange.event(body)
    exchange.end()


GeminiVendor.scenarios = {
    "echo": echo,
    "system": system,
    "parallel-tools": parallel_tools,
    "own-ids": own_ids,
    "tool-result": tool_result,
    "strict": tool_result,
    "image": image,
    "json": as_json,
    "reasoning": reasoning,
    "length": length,
    "content-block": content_block,
    "content-cut": content_cut,
    "malformed-call": malformed_call,
    "no-candidates": no_candidates,
    "two-candidates": two_candidates,
    "tool-use-prompt": tool_use_prompt,
    "truncated": truncated,
    "unfinished": unfinished,
    "error-mid-stream": error_mid_stream,
    "bare-error": bare_error,
    "slow-first-token": slow_first_token,
    "hang": hang,
    "stays-open": stays_open,
    "unknown-parts": unknown_parts,
    "bad-key": bad_key,
    "quota": quota,
    "picture": picture,
    "not-streamed": not_streamed,
}
