"""The queues, named in one place; ``celeryconfig`` declares them, and nothing else may be fed."""

from __future__ import annotations

#: Interactive work: a client waits.
CHAT = "chat"
#: Ingest, consolidation and promotion.
MEMORY = "memory"
#: What beat rings for.
MAINTENANCE = "maintenance"
#: Calls to the embedded vector store, read by its owner only.
VECTORS = "vectors"

QUEUES = (CHAT, MEMORY, MAINTENANCE, VECTORS)

#: What each kind of job rings: its task and queue. ``chat``, ``infer`` and ``ingest`` are clients' jobs, the others
#: our own.
TASKS = {
    "chat": ("chat.run", CHAT),
    "infer": ("plane.infer", CHAT),
    "ingest": ("memory.ingest", MEMORY),
    "consolidate": ("memory.consolidate", MEMORY),
    "promote": ("memory.promote", MEMORY),
    "erase": ("memory.erase", MEMORY),
    # A kind of its own: a worker that does not know it must not take it for the erasure of a user.
    "erase_item": ("memory.erase_item", MEMORY),
    # A client waits for it.
    "change": ("memory.change", CHAT),
    "export": ("memory.export", MEMORY),
    "import": ("memory.import", MEMORY),
    "compact": ("memory.compact", MEMORY),
    "reindex": ("memory.reindex", MEMORY),
    "faq_export": ("memory.faq_export", MEMORY),
}
#: The kinds that have a deadline: a client waits, and other work takes as long as it takes.
WAITED_FOR = ("chat", "infer")
#: The kinds that nobody asked for: they run a few at a time, beside clients' work.
OWN = ("consolidate", "promote", "compact", "reindex")
#: The kinds that erase; no erasure cancels or forgets them.
ERASING = ("erase", "erase_item")
