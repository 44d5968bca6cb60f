"""A model provider: one wire protocol to a vendor, spoken as OpenAI chat completions."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Recalled


def never() -> bool:
    """For calls that nobody cancels."""
    return False


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One chat completion to run.

    ``body`` is the OpenAI request that goes out: memories are already in its messages, ``model`` is the
    vendor's own name, unknown fields stand as the client sent them; ``stream`` may be set or not, the method
    called decides. ``question``, ``facts`` and ``recalled`` are what the prompt was made from, for a provider
    that answers from memory itself.
    """

    id: str
    model: str
    body: Mapping[str, Any]
    question: str = ""
    facts: Sequence[Fact] = field(default_factory=tuple)
    recalled: Sequence[Recalled] = field(default_factory=tuple)
    #: Whether what is said will be remembered.
    memory: bool = True
    #: Absolute end of the whole call, in seconds of time.monotonic().
    deadline: float = float("inf")
    #: Whose call it is; None where nothing may be kept for anybody.
    owner: Owner | None = None
    #: Whether nobody wants the answer any more; asked often, also while the vendor is silent. Then the call ends with
    #: :class:`Cancelled`.
    cancelled: Callable[[], bool] = never


class Provider(Protocol):
    """Raises :class:`UpstreamError` and its children, :class:`DeadlineExceeded`, :class:`Cancelled`,
    :class:`ModelNotFound`."""

    def complete(self, call: ModelCall) -> dict[str, Any]:
        """The whole ``chat.completion`` object."""

    def stream(self, call: ModelCall) -> Generator[dict[str, Any], None, None]:
        """The ``chat.completion.chunk`` objects as they arrive.

        Ends normally only after the vendor's terminal event; closing the iterator closes the connection.
        """

    def models(self) -> list[str]:
        """The vendor's names of the models that can be asked for; may be empty."""
