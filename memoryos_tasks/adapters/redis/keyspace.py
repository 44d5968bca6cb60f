"""Every Redis key, named in one place.

Tenant names hold no ``:`` (see ``TENANT``); user and session ids may hold anything, so they are
percent-encoded, and no two owners can meet in one key.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, unquote

from memoryos_tasks.core.events import Owner

TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
#: Not a tenant name (they start with a letter or digit): keys of the system itself.
SYSTEM = "_system"

# Truth
JOURNAL = "chat_log"
DEAD_LETTERS = "chat_log:dlq"
API_KEYS = f"mos:{SYSTEM}:keys"
#: STRING: events journaled and not applied, of all owners.
PENDING = f"mos:{SYSTEM}:pending"
#: STRING with a short life: an ingest bell was rung and nobody has begun to drain since.
BELL = f"mos:{SYSTEM}:bell"
#: HASH stream id → how often the entry failed when it was applied alone.
TRIES = f"mos:{SYSTEM}:tries"
#: HASH "name" or "name label" → count, for metrics.
COUNTERS = f"mos:{SYSTEM}:counters"
#: ZSET of "tenant user session" (percent-encoded) by the time (ms) of the last event.
ACTIVE = f"mos:{SYSTEM}:active"
#: ZSET of "tenant user" (percent-encoded) by the time (ms) at which the owner's mid-term memory is compacted.
COMPACTION = f"mos:{SYSTEM}:compaction"

#: STRING with a short life: which of several beats rings.
BEAT = f"mos:{SYSTEM}:beat"
#: STRING: the identity of the embedded vector store that belongs to this truth.
VECTOR_STORE = f"mos:{SYSTEM}:vectors:store"
#: STRING: the identity of the vault whose keys seal the texts of this truth.
VAULT = f"mos:{SYSTEM}:vault"
#: HASH: which embedder's vectors are searched ("active"), which shall be ("wanted"), and what that one lacks ("left").
EMBEDDER = f"mos:{SYSTEM}:embedder"

# Traffic
WORKERS = f"mos:{SYSTEM}:workers"


def part(text: str) -> str:
    """A user, session or other free id as a part of a key or member."""
    return quote(text, safe="")


def unpart(text: str) -> str:
    return unquote(text)


def sequence(tenant: str) -> str:
    return f"mos:{tenant}:seq"


def events(owner: Owner) -> str:
    """HASH event_id → "digest seq state": what is known of every event of the owner."""
    return f"mos:{owner.tenant}:events:{part(owner.user)}"


def state(owner: Owner) -> str:
    """HASH of counters of the owner: ``pending`` events, …"""
    return f"mos:{owner.tenant}:state:{part(owner.user)}"


def stm(owner: Owner, session: str) -> str:
    """ZSET of event payloads by sequence number: the short-term memory of one session."""
    return f"mos:{owner.tenant}:stm:{part(owner.user)}:{part(session)}"


def stm_prefix(owner: Owner) -> str:
    """What :func:`stm` begins with, for scripts that know the session."""
    return f"mos:{owner.tenant}:stm:{part(owner.user)}:"


def sessions(owner: Owner) -> str:
    """ZSET of the owner's sessions (percent-encoded) by the time (ms) of their last event."""
    return f"mos:{owner.tenant}:sessions:{part(owner.user)}"


def job(tenant: str, job_id: str) -> str:
    return f"mos:{tenant}:job:{part(job_id)}"


def due(kind: str) -> str:
    """ZSET of "tenant job_id kind", the open jobs of a kind, by the time (ms) at which a sweep is due."""
    return f"mos:{SYSTEM}:due:{kind}"


def dead_letters(queue: str) -> str:
    """STREAM of the dead letters of a queue; those of events are :data:`DEAD_LETTERS`."""
    return f"mos:{SYSTEM}:dlq:{queue}"


def claims(tenant: str) -> str:
    """Counter of the claims of a tenant's jobs: each gives a larger token."""
    return f"mos:{tenant}:claims"


def lock(owner: Owner) -> str:
    return f"mos:{owner.tenant}:lock:{part(owner.user)}"


def fence(owner: Owner) -> str:
    return f"mos:{owner.tenant}:fence:{part(owner.user)}"


def run(tenant: str, job_id: str) -> str:
    return f"mos:{tenant}:run:{part(job_id)}"


def cancelled(tenant: str, job_id: str) -> str:
    return f"mos:{tenant}:cancel:{part(job_id)}"


def asked(tenant: str, request_id: str) -> str:
    return f"mos:{tenant}:asked:{part(request_id)}"


def slots(endpoint: str) -> str:
    """Traffic. ZSET of the runs at an endpoint by the time (ms) at which their places are free again."""
    return f"mos:{SYSTEM}:slots:{part(endpoint)}"


def visits(owner: Owner) -> str:
    return f"mos:{owner.tenant}:visits:{part(owner.user)}"


def keepsakes(owner: Owner) -> str:
    """HASH tool-call id → what the call's vendor wants back with its result, sealed."""
    return f"mos:{owner.tenant}:keepsakes:{part(owner.user)}"


def keepsake_ages(owner: Owner) -> str:
    """ZSET of the tool-call ids in :func:`keepsakes` by the time (ms) they came."""
    return f"mos:{owner.tenant}:keepsake_ages:{part(owner.user)}"


def inbox_key(inbox_id: str) -> str:
    """The stream in which one gateway process hears of its runs."""
    return f"mos:{SYSTEM}:inbox:{inbox_id}"


def listening(inbox_id: str) -> str:
    """Truth. There while the gateway process of that inbox lives."""
    return f"mos:{SYSTEM}:listening:{inbox_id}"


def active_member(owner: Owner, session: str) -> str:
    return f"{owner.tenant} {part(owner.user)} {part(session)}"


def parse_active(member: str) -> tuple[Owner, str]:
    tenant, user, session = member.split(" ")
    return Owner(tenant, unpart(user)), unpart(session)


#: Truth. ZSET of "tenant id", the questions that may be FAQs, by the time (ms) at which each is looked at next.
FAQ_DUE = f"mos:{SYSTEM}:faq:due"


def faq(tenant: str, what: str, of: str = "") -> str:
    """Truth. What a tenant has of FAQs; ``scripts/lib_faq.lua`` names the same keys.

    ``live`` HASH id → FAQ; ``shelf`` ZSET of their ids by time; ``candidates`` ZSET by heat; ``held`` SET of ids that
    stay off the shelf; ``stats``, ``hits`` HASH by id; ``history`` STREAM; ``seen`` ZSET of all ids by their last ask;
    ``unit`` of an id HASH: asks by day and user, samples; ``asked``, ``from`` of a user (percent-encoded): ZSET of the
    ids that the user asked, SET of the FAQs in the user's words.
    """
    return f"mos:{tenant}:faq:{what}:{of}" if of else f"mos:{tenant}:faq:{what}"


#: Not a tenant name: keys of the control plane.
PLANE = "_plane"


def bound(name: str) -> str:
    """Truth. What a bound on requests has let through; see ``scripts/bucket_take.lua``."""
    return f"mos:{PLANE}:bound:{name}"


def plane_session(owner: Owner, session: str) -> str:
    """Truth. LIST of the messages of one of the plane's sessions, sealed, oldest first."""
    return f"mos:{PLANE}:session:{owner.tenant}:{part(owner.user)}:{part(session)}"


def observed(what: str, of: object = "") -> str:
    """What the model control plane keeps of its inferences.

    Truth, about nobody: ``minute``, ``hour`` (since the epoch) HASH "model endpoint" → tally; ``totals`` the same of
    all time; ``pairs`` ZSET of its fields by their last use (s); ``batch`` of an id: it was counted.
    Traffic, by user or address: ``rows`` STREAM of inferences; ``asked`` of a minute HASH subject → requests,
    ``refused`` → failed authentications;
    ``history`` HASH subject → its last active minutes, ``heard`` ZSET of those by the minute; ``settled`` of a minute:
    it is in the histories; ``anomalies`` HASH subject → anomaly. About nobody: ``queues`` of a minute HASH of samples;
    ``figures`` HASH node → how busy it is.
    """
    return f"mos:_plane:{what}:{of}" if of != "" else f"mos:_plane:{what}"


def plane(what: str, of: str) -> str:
    """Traffic. What the scheduler of the model control plane knows of an endpoint; ``scripts/plane_lib.lua`` names the
    same keys. And ``retries`` of a model (percent-encoded): ZSET of the requests that try again."""
    return f"mos:_plane:{what}:{of}"


def plane_pin(model: str, session: str) -> str:
    """Traffic. STRING with a life: the endpoint of a session, which is not named."""
    return f"mos:_plane:pin:{part(model)}:{hashlib.sha256(session.encode(errors='surrogatepass')).hexdigest()}"


# The model control plane. Truth.
#: HASH: the shared registry of endpoints, its "document" and "revision"; the channel on which each new one is told.
PLANE_REGISTRY, PLANE_CHANGED = "mos:_plane:registry", "mos:_plane:registry:changed"
#: HASH of notes by node; ZSET of nodes by the time (ms) at which each counts as gone.
PLANE_NODES, PLANE_EXPIRY = "mos:_plane:nodes", "mos:_plane:nodes:expiry"
#: STRING with a short life, "token node seat": the elected scheduler; STRING: the counter of its tokens.
PLANE_SCHEDULER, PLANE_FENCE = "mos:_plane:scheduler", "mos:_plane:scheduler:fence"
