"""Which settings contradict each other. Refused at start, since at run time they lose work or hang."""

from __future__ import annotations

from collections.abc import Iterator

from memoryos_tasks.core.routing_plan import Misread, plan_of
from memoryos_tasks.core.sensitivity import phrases
from memoryos_tasks.core.settings import Settings, is_loopback
from memoryos_tasks.core.settings_limits import networks_of
from memoryos_tasks.core.windows import NoWindow, windows_of


def contradictions(settings: Settings) -> list[str]:
    """One line for each pair of settings that cannot hold together: the keys, the problem, the fix."""
    return [*_deadlines(settings), *_claims(settings), *_doors(settings), *_embedder(settings), *_router(settings),
            *_windows(settings), *_limits(settings)]


def _deadlines(s: Settings) -> Iterator[str]:
    for key, value in (("llm.connect_timeout", s.llm.connect_timeout),
                       ("llm.first_token_timeout", s.llm.first_token_timeout),
                       ("llm.idle_timeout", s.llm.idle_timeout)):
        if value > s.jobs.chat_deadline:
            yield (f"{key}: {value:g} s is longer than jobs.chat_deadline ({s.jobs.chat_deadline:g} s), so it "
                   f"could never apply. Lower {key} or raise jobs.chat_deadline.")
    longest = s.jobs.chat_deadline
    if s.redis.visibility_timeout <= longest:
        yield (f"redis.visibility_timeout: {s.redis.visibility_timeout:g} s is not longer than jobs.chat_deadline "
               f"({longest:g} s), so Celery would deliver running work again. Raise it above jobs.chat_deadline.")
    if s.jobs.result_ttl < longest:
        yield (f"jobs.result_ttl: {s.jobs.result_ttl:g} s is shorter than jobs.chat_deadline ({longest:g} s), so a "
               f"job could vanish while it runs. Raise jobs.result_ttl to {longest:g} or more.")


def _claims(s: Settings) -> Iterator[str]:
    if s.jobs.renew_seconds >= s.jobs.lease_seconds:
        yield (f"jobs.renew_seconds: {s.jobs.renew_seconds:g} s is not shorter than jobs.lease_seconds "
               f"({s.jobs.lease_seconds:g} s), so a healthy run would lose its claim. Set it to a third of the lease.")
    elif s.jobs.renew_seconds + s.redis.timeout >= s.jobs.lease_seconds:
        yield (f"redis.timeout: {s.redis.timeout:g} s after jobs.renew_seconds ({s.jobs.renew_seconds:g} s) reaches "
               f"jobs.lease_seconds ({s.jobs.lease_seconds:g} s), so one slow renewal would lose the claim. "
               "Lower redis.timeout or raise jobs.lease_seconds.")


def _doors(s: Settings) -> Iterator[str]:
    if s.auth.required == "off" and not is_loopback(s.gateway.host) and not s.auth.allow_open:
        yield (f"auth.required: \"off\" on gateway.host {s.gateway.host!r} would open all memory to the network. "
               "Use \"auto\" or \"on\", listen on 127.0.0.1, or set auth.allow_open = true if you mean it.")


def _embedder(s: Settings) -> Iterator[str]:
    one = s.embedding
    if s.vectors.engine == "none" and s.vectors.url:
        yield ("vectors.engine: \"none\" contradicts vectors.url. Remove vectors.url (QDRANT_URL), or give "
               "vectors.engine \"auto\".")
    if one.provider == "static":
        if one.model:
            yield (f"embedding.model: {one.model!r} does nothing with embedding.provider \"static\". Remove it, or "
                   "name the provider that has this model.")
        return
    if not one.model.strip():
        yield (f"embedding.model: embedding.provider \"{one.provider}\" needs it. Give the model's name, such as "
               f"{EXAMPLES[one.provider]}.")
    if one.provider == "openai" and not one.dimensions:
        yield ("embedding.dimensions: embedding.provider \"openai\" needs it. Give the length of the model's vectors, "
               "such as 1536 for text-embedding-3-small or 1024 for bge-m3.")
    if one.query_timeout > one.timeout:
        yield (f"embedding.query_timeout: {one.query_timeout:g} s is longer than embedding.timeout "
               f"({one.timeout:g} s). Lower it or raise embedding.timeout.")


def _router(s: Settings) -> Iterator[str]:
    try:
        plan_of(s)
    except Misread as problem:
        yield str(problem)
    if s.router.sensitive and not phrases(s.router.sensitive_keywords):
        yield ("router.sensitive_keywords: it is empty, so only numbers and secrets would count. Give words or "
               "\"default\", or set router.sensitive = false.")


def _windows(s: Settings) -> Iterator[str]:
    try:
        windows_of(s.context.windows)
    except NoWindow as problem:
        yield f"context.windows: {problem}"


def _limits(s: Settings) -> Iterator[str]:
    try:
        networks_of(s.limits.trusted_proxies)
    except ValueError as problem:
        yield f"limits.trusted_proxies: {problem} Give addresses or networks such as 10.0.0.0/8, comma-separated."


#: A model of each provider, to show what is wanted.
EXAMPLES = {
    "openai": "text-embedding-3-small",
    "fastembed": "BAAI/bge-small-en-v1.5",
    "sentence-transformers": "all-MiniLM-L6-v2",
}
