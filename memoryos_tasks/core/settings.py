"""Every setting of MemoryOS: its default, its reason and what it may be.

Fields carry a :class:`Spec`; reading files and the environment is an adapter's work. Times are in seconds.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memoryos_tasks.core.settings_context import Context
from memoryos_tasks.core.settings_faq import Faq
from memoryos_tasks.core.settings_limits import Limits
from memoryos_tasks.core.settings_observe import Observe
from memoryos_tasks.core.settings_router import Router
from memoryos_tasks.core.spec import Spec, setting

REDIS_SCHEMES = ("redis", "rediss")
HTTP_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Gateway:
    """The HTTP front end."""

    host: str = setting("127.0.0.1", "Address to listen on; any other than loopback needs API keys.",
                        restart=True, nonempty=True)
    port: int = setting(8080, "Port to listen on.", low=1, high=65535, restart=True)
    workers: int = setting(1, "Gateway processes; one serves some hundred waiting clients.",
                           low=1, high=256, restart=True)
    threads: int = setting(400, "Requests that one process serves at a time, open streams among them.",
                           low=1, high=4096, restart=True)
    add_deadline: float = setting(
        5.0, "How long a memory add waits to be applied; then it answers 202.", low=0.05, high=60)
    retrieve_deadline: float = setting(
        5.0, "How long a retrieve waits for the worker; then it answers 503.", low=0.05, high=60)
    disconnect_grace: float = setting(
        2.0, "How long a run goes on after its streaming client has gone.", low=0, high=300)
    docs: bool = setting(True, "Serve /docs and /openapi.json.", restart=True)


@dataclass(frozen=True, slots=True)
class Auth:
    """Who may call."""

    required: str = setting(
        "auto", "Whether calls need an API key; auto: off on a loopback host, on elsewhere.",
        choices=("auto", "on", "off"), restart=True)
    allow_open: bool = setting(
        False, "Allow required = \"off\" on an address that others can reach. Anyone there reads all memory.",
        restart=True)


@dataclass(frozen=True, slots=True)
class Redis:
    """The two Redis roles; when unset, the embedded servers of the data directory are found."""

    truth_url: str = setting(
        "", "Store of record: journal, ledger, keys. Needs appendfsync always and noeviction.",
        schemes=REDIS_SCHEMES, secret=True, restart=True)
    traffic_url: str = setting(
        "", "Broker, results, token streams; may be lost at any moment. Unset: the same as truth_url.",
        schemes=REDIS_SCHEMES, secret=True, restart=True)
    timeout: float = setting(
        1.0, "Connect and read limit of every Redis socket; a half-open one would hang for ever.",
        low=0.05, high=60, restart=True)
    visibility_timeout: float = setting(
        3600.0, "After this Celery delivers an unacknowledged message again; longer than any job may run.",
        low=10, high=604800, restart=True)


@dataclass(frozen=True, slots=True)
class Vectors:
    """Where vectors are kept."""

    engine: str = setting(
        "auto", "auto: the server of url if there is one, else the engine inside one worker. none: no index at all; "
        "memory is then short-term memory alone.", choices=("auto", "none"), restart=True)
    url: str = setting(
        "", "A Qdrant server or cluster (1.19 or newer) to use instead of the engine inside one worker.",
        schemes=HTTP_SCHEMES, secret=True, restart=True)
    api_key: str = setting("", "API key of that server, if it asks for one.", secret=True, restart=True)
    timeout: float = setting(
        2.0, "Limit of one vector call; a Qdrant server's counts in whole seconds.", low=0.05, high=60,
        restart=True)


@dataclass(frozen=True, slots=True)
class Vault:
    """Where the users' keys are kept, apart from the texts that they seal."""

    path: str = setting(
        "", "Directory of the users' keys, the same for all processes of a deployment. Unset: vault in data_dir.",
        restart=True)


@dataclass(frozen=True, slots=True)
class Embedding:
    """What turns text into vectors. After a change, memory is embedded anew in the background."""

    provider: str = setting(
        "static", "static: word vectors that ship with the package, no download, no key; openai: any server that "
        "speaks OpenAI's /embeddings (OpenAI, Ollama, vLLM, TEI); fastembed and sentence-transformers: a model in this "
        "process, with the extra of that name installed.",
        choices=("static", "openai", "fastembed", "sentence-transformers"), restart=True)
    model: str = setting("", "The model's name at that provider; static has only one.", restart=True)
    dimensions: int = setting(
        0, "How many numbers the model's vectors have; openai needs it, the others know.", low=0, high=65536,
        restart=True)
    base_url: str = setting(
        "", "Where /embeddings is, like http://127.0.0.1:11434/v1; unset: llm.openai_base_url, else "
        "https://api.openai.com/v1.", schemes=HTTP_SCHEMES, restart=True)
    api_key: str = setting(
        "", "API key of that server; unset with base_url unset: llm.openai_api_key.", secret=True, restart=True)
    batch: int = setting(
        64, "Texts in one request; servers have limits of their own (TEI: 32 by default).", low=1, high=2048,
        restart=True)
    query_timeout: float = setting(
        1.5, "Limit of embedding a question or a few texts, since somebody waits; then words alone are searched.",
        low=0.05, high=60, restart=True)
    timeout: float = setting(
        20.0, "Limit of embedding a larger batch.", low=0.05, high=600, restart=True)
    cache: int = setting(
        2000, "Vectors of texts embedded lately that each process keeps.", low=0, high=1000000, restart=True)
    model_dir: str = setting(
        "", "Folder where the in-process providers find their models; unset: their own cache folder.", restart=True)


@dataclass(frozen=True, slots=True)
class Worker:
    """The Celery worker."""

    concurrency: int = setting(
        400, "Threads of a worker: chats mostly wait for a model, and each stream holds one. Made when needed.",
        low=1, high=1024, restart=True)
    chat_processes: int = setting(
        0, "Processes that run chats beside the worker that owns the embedded store, each one chat at a time, so that "
        "many processors share the work. 0: the worker runs them in its threads.", low=0, high=256, restart=True)
    group: str = setting(
        "memoryos", "Consumer group that reads the journal: the same for all workers of one Redis. Another deployment "
        "needs another Redis database.",
        restart=True, nonempty=True)
    consumer: str = setting(
        "", "This process's name in that group. Unset: host name and process id.", restart=True)


@dataclass(frozen=True, slots=True)
class Memory:
    """How memory is kept and used."""

    async_pipeline: bool = setting(
        False, "Answer every memory add with 202 at once instead of after it was applied.")
    stm_capacity: int = setting(
        20, "Newest events of a session kept in short-term memory; older ones are consolidated.",
        low=2, high=1000, restart=True)
    idle_seconds: float = setting(
        300.0, "A session silent for this long is consolidated.", low=1, high=604800)
    promote_heat: float = setting(
        5.0, "A segment hotter than this is analysed for facts (visits + pages + recency, which all fade).",
        low=0, high=1000, restart=True)
    analyst_model: str = setting(
        "", "Model that analyses hot segments for facts and a summary, such as openai/gpt-4o-mini; it is shown the "
        "messages. Unset: rules do it, and nothing is sent anywhere.")
    max_segments: int = setting(
        2000, "Topics (segments) of one user; beyond it the coldest lose their pages. Messages and facts stay.",
        low=1, high=1000000)
    max_pages: int = setting(20_000, "Exchanges (pages) of one user, in the same way.", low=1, high=10000000)
    forget_after_days: float = setting(
        0.0, "A topic that nothing has touched for so many days is forgotten: no search finds its messages any more, "
        "its facts stay. 0: never.", low=0, high=36500)
    compact_seconds: float = setting(
        3600.0, "How often the memory of a user is tidied while anything in it is warm.", low=1, high=86400)
    prompt_budget_tokens: int = setting(1500, "The most that memories may take of a prompt.", low=0, high=1000000)
    retrieve_limit: int = setting(10, "Results of a retrieve that names no limit.", low=1, high=100, restart=True)


@dataclass(frozen=True, slots=True)
class Jobs:
    """The job ledger."""

    lease_seconds: float = setting(
        15.0, "A run that has not renewed its claim for this long counts as dead; its job runs again.",
        low=1, high=3600, restart=True)
    renew_seconds: float = setting(
        5.0, "How often a run renews its claim; well under the lease, so that one slow renewal is harmless.",
        low=0.1, high=1200, restart=True)
    unclaimed_seconds: float = setting(
        2.5, "A job that nobody has claimed for this long is published again, then after twice as long each time; "
        "so a bell that a killed worker took with it rings again within 5 s.", low=0.5, high=3600, restart=True)
    max_attempts: int = setting(
        3, "Runs of one job before it becomes a dead letter.", low=1, high=100, restart=True)
    chat_deadline: float = setting(
        600.0, "The whole time of a chat from its arrival to its last token.", low=1, high=86400, restart=True)
    max_queued: int = setting(
        1000, "Chats waiting or running at a time; one more is answered 429 with Retry-After.",
        low=1, high=1000000, restart=True)
    max_pending_events: int = setting(
        100_000, "Journaled events that are not applied yet; an add beyond it is answered 429 and journals nothing.",
        low=1000, high=100000000, restart=True)
    result_ttl: float = setting(
        86400.0, "How long a finished job and its answer can be asked for.", low=60, high=2592000, restart=True)


def _key(vendor: str) -> Any:
    return setting("", f"API key of {vendor}; unset: the provider is not configured.", secret=True)


def _base(vendor: str, example: str) -> Any:
    return setting("", f"Base URL of {vendor}; unset: {example}.", schemes=HTTP_SCHEMES)


@dataclass(frozen=True, slots=True)
class Llm:
    """Model providers: one pair each, and the limits of every call to one."""

    openai_api_key: str = _key("OpenAI")
    openai_base_url: str = _base("OpenAI", "https://api.openai.com/v1")
    azure_openai_api_key: str = _key("Azure OpenAI")
    azure_openai_base_url: str = setting(
        "", "Your resource, like https://NAME.openai.azure.com; it has no default.", schemes=HTTP_SCHEMES)
    azure_openai_api_version: str = setting(
        "2024-10-21", "Version of the Azure OpenAI protocol.", nonempty=True)
    claude_api_key: str = _key("Anthropic")
    claude_base_url: str = _base("Anthropic", "https://api.anthropic.com")
    gemini_api_key: str = _key("Gemini")
    gemini_base_url: str = _base("Gemini", "https://generativelanguage.googleapis.com")
    ollama_api_key: str = setting("", "API key of Ollama; a local one needs none.", secret=True)
    ollama_base_url: str = setting(
        "", "Base URL of Ollama, like http://127.0.0.1:11434; unset, and no key: the provider is not configured.",
        schemes=HTTP_SCHEMES)
    deepseek_api_key: str = _key("DeepSeek")
    deepseek_base_url: str = _base("DeepSeek", "https://api.deepseek.com/v1")
    openrouter_api_key: str = _key("OpenRouter")
    openrouter_base_url: str = _base("OpenRouter", "https://openrouter.ai/api/v1")
    openai_compatible_api_key: str = setting(
        "", "API key of your own server that speaks OpenAI's protocol, if it asks for one.", secret=True)
    openai_compatible_base_url: str = setting(
        "", "That server (vLLM, LM Studio, llama.cpp ...), like http://127.0.0.1:8000/v1; it has no default.",
        schemes=HTTP_SCHEMES)
    glm_api_key: str = _key("GLM")
    glm_base_url: str = _base("GLM", "https://open.bigmodel.cn/api/paas/v4")
    connect_timeout: float = setting(5.0, "Limit of connecting to a provider.", low=0.1, high=120)
    first_token_timeout: float = setting(
        120.0, "Limit from the request to the first token; reasoning models think long.", low=0.1, high=3600)
    idle_timeout: float = setting(60.0, "Limit of silence between two tokens.", low=0.1, high=3600)
    max_concurrent: int = setting(
        1000, "Runs at one model of a provider at a time, over all workers; one more goes to its fallback, or waits "
        "2 s and is answered 429. From jobs.max_queued on nothing is counted.", low=1, high=1000000)


@dataclass(frozen=True, slots=True)
class Log:
    """What is written about the system's own work; never anybody's messages."""

    level: str = setting("info", "The least severe level that is written; applies without a restart.",
                         choices=("debug", "info", "warning", "error", "critical"))
    format: str = setting("json", "json: one object a line; console: for eyes.",
                          choices=("json", "console"), restart=True)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on ``host``. Other names count as reachable."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one process."""

    data_dir: Path = field(default=Path(".memoryos"), metadata={"spec": Spec(
        "Where the embedded stores keep their data; two stacks need two.", restart=True)})
    gateway: Gateway = field(default_factory=Gateway)
    auth: Auth = field(default_factory=Auth)
    redis: Redis = field(default_factory=Redis)
    vectors: Vectors = field(default_factory=Vectors)
    vault: Vault = field(default_factory=Vault)
    embedding: Embedding = field(default_factory=Embedding)
    worker: Worker = field(default_factory=Worker)
    memory: Memory = field(default_factory=Memory)
    context: Context = field(default_factory=Context)
    jobs: Jobs = field(default_factory=Jobs)
    llm: Llm = field(default_factory=Llm)
    router: Router = field(default_factory=Router)
    faq: Faq = field(default_factory=Faq)
    observe: Observe = field(default_factory=Observe)
    limits: Limits = field(default_factory=Limits)
    log: Log = field(default_factory=Log)

    @property
    def vault_dir(self) -> Path:
        """The directory of the users' keys."""
        return Path(self.vault.path).expanduser() if self.vault.path else self.data_dir / "vault"

    @property
    def auth_required(self) -> bool:
        """Whether calls need an API key, with ``auto`` resolved by the host."""
        if self.auth.required == "auto":
            return not is_loopback(self.gateway.host)
        return self.auth.required == "on"
