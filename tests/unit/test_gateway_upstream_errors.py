"""A vendor's error on its way to the client: status, type, code and Retry-After, whole, streamed and as a job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from fakes import FakeStack, chunk
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_tasks.core.errors import UpstreamError
from memoryos_tasks.core.refusal import refusal
from memoryos_tasks.ports.runs import Saying

ASK: Any = {"model": "offline", "messages": [{"role": "user", "content": "Hello 世界"}]}
CLASSES: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    408: openai.APIStatusError,
    409: openai.ConflictError,
    413: openai.APIStatusError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
    529: openai.InternalServerError,
}


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack()
    yield made
    made.close()


@pytest.fixture
def app(stack: FakeStack) -> Any:
    return create_app(parts=stack.parts)


@pytest.fixture
def client(app: Any) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def official(app: Any) -> Iterator[openai.OpenAI]:
    http = httpx.Client(transport=httpx.WSGITransport(app=app))
    with openai.OpenAI(base_url="http://localhost/v1", api_key="x", max_retries=0, http_client=http) as made:
        yield made


def refused(status: int) -> UpstreamError:
    """What a provider raises for a vendor's answer with this status."""
    body = b'{"error": {"message": "why", "code": "the_code", "param": "messages"}}'
    return refusal("openai", status, {"retry-after": "7"} if status == 429 else {}, body, secret="", now=0)


def failing(stack: FakeStack, error: UpstreamError, *before: tuple[Saying, Any]) -> None:
    """Let the worker's run of every chat end with this error."""

    def run(task: str, args: tuple[str, ...], task_id: str) -> None:
        if task == "chat.run":
            stack.say(task_id, *before, (Saying.ERROR, error.described()))

    stack.doorbell.answer = run


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", sorted(CLASSES))
def test_the_official_client_raises_what_it_would_at_the_vendor(
    stack: FakeStack, official: openai.OpenAI, status: int, stream: bool
) -> None:
    # Given a vendor that refuses before its first token
    error = refused(status)
    failing(stack, error)
    # When OpenAI's client asks, then it raises the class of that status
    with pytest.raises(CLASSES[status]) as caught:
        official.chat.completions.create(**ASK, stream=stream)
    assert caught.value.status_code == status
    # And it finds the same message, type, code and field as the vendor's own client
    assert caught.value.body == {
        "message": error.message, "type": error.type, "param": error.param, "code": error.code,
    }  # fmt: skip
    assert error.code == ("the_code" if status in (400, 404, 409, 413, 422, 429) else error.code)
    # And when to come again, if the vendor said so
    assert caught.value.response.headers.get("retry-after") == ("7" if status == 429 else None)


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_job_holds_the_same_error(stack: FakeStack, client: FlaskClient, status: int) -> None:
    failing(stack, refused(status))
    asked = client.post("/v1/chat/completions", json=ASK, headers={"Prefer": "respond-async"})
    job = client.get(f"/v1/jobs/{asked.json['id']}").json
    assert job["status"] == "failed"
    assert (job["error"]["code"], job["error"]["type"]) == (refused(status).code, refused(status).type)
    assert "answered" in job["error"]["message"]


ROUTE: Any = {"tier": 1, "model": "ollama/small", "reason": "named",
              "tried": [{"model": "ollama/small", "code": "upstream_error"}]}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_says_which_job_it_is_and_who_was_asked(
    stack: FakeStack, client: FlaskClient, stream: bool
) -> None:
    # Given a run that asked a model, which failed
    error = refused(503)
    error.route = ROUTE
    failing(stack, error)
    answer = client.post("/v1/chat/completions", json={**ASK, "stream": stream})
    # Then its headers say so, and the body is OpenAI's
    assert answer.status_code == 503
    assert answer.headers["X-MemoryOS-Tier"] == "1"
    assert answer.headers["X-MemoryOS-Model"] == "ollama/small"
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}
    # And the job tells the rest
    job = client.get(f"/v1/jobs/{answer.headers['X-MemoryOS-Job']}").json
    assert job["status"] == "failed"
    assert job["route"] == ROUTE
    assert set(job["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_without_a_model_names_none(stack: FakeStack, client: FlaskClient, stream: bool) -> None:
    failing(stack, refused(503))
    answer = client.post("/v1/chat/completions", json={**ASK, "stream": stream})
    assert answer.headers["X-MemoryOS-Job"]
    assert "X-MemoryOS-Tier" not in answer.headers
    assert "route" not in client.get(f"/v1/jobs/{answer.headers['X-MemoryOS-Job']}").json


def test_a_vendors_refusal_of_our_credential_does_not_ask_the_client_for_another(
    stack: FakeStack, client: FlaskClient
) -> None:
    failing(stack, refused(401))
    answer = client.post("/v1/chat/completions", json=ASK)
    assert answer.status_code == 401
    assert "WWW-Authenticate" not in answer.headers
    assert "not yours" in answer.json["error"]["message"]


def test_an_error_after_the_first_token_is_an_event_that_the_official_client_raises(
    stack: FakeStack, official: openai.OpenAI
) -> None:
    failing(stack, refused(503), (Saying.CHUNK, chunk("Hel")))
    stream = official.chat.completions.create(**ASK, stream=True)
    assert next(iter(stream)).choices[0].delta.content == "Hel"
    with pytest.raises(openai.APIError, match="answered 503: why"):
        next(iter(stream))
