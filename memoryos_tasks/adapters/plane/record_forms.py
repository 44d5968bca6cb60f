"""The stored forms of tallies, records, subjects and anomalies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from memoryos_tasks.adapters.redis.keyspace import part, unpart
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.anomalies import Anomaly, Sort, Subject
from memoryos_tasks.core.plane.records import InferenceRecord, Pair, Tally

#: Where each histogram of a tally stands: its letter with the bucket's number.
_HISTOGRAMS = {"s": "latency", "q": "waiting", "b": "bounds"}


def stored_pair(pair: Pair) -> str:
    return f"{part(pair[0])} {part(pair[1])}"


def pair_of(stored: str) -> Pair:
    model, _, endpoint = stored.partition(" ")
    return unpart(model), unpart(endpoint)


def stored_tally(tally: Tally) -> dict[str, int]:
    """A tally as numbers that add up; its peaks are found when they do. Times in milliseconds."""
    row = {
        "n": tally.count,
        "i": tally.input_length,
        "o": tally.output_length,
        "ms": round(tally.busy * 1000),
        "qms": round(tally.queued * 1000),
    }
    row |= {f"e:{code}": count for code, count in tally.outcomes.items()}
    for letter, name in _HISTOGRAMS.items():
        row |= {f"{letter}{place}": count for place, count in getattr(tally, name).items()}
    return row


def tally_of(stored: str, *, minute: bool = False) -> Tally:
    """A tally from what was kept of it; that of a ``minute`` is its own peak."""
    row: Mapping[str, float] = json.loads(stored)
    tally = Tally(
        count=int(row.get("n", 0)),
        outcomes={name[2:]: int(count) for name, count in row.items() if name.startswith("e:")},
        input_length=int(row.get("i", 0)),
        output_length=int(row.get("o", 0)),
        busy=row.get("ms", 0) / 1000,
        queued=row.get("qms", 0) / 1000,
        peak=int(row.get("n" if minute else "pk", 0)),
        peak_busy=row.get("ms" if minute else "pb", 0) / 1000,
    )
    for name, count in row.items():
        if name[0] in _HISTOGRAMS and name[1:].isdigit():
            getattr(tally, _HISTOGRAMS[name[0]])[int(name[1:])] = int(count)
    return tally


def stored_record(record: InferenceRecord) -> dict[str, str]:
    """The fields of a record in the stream."""
    return {
        "at": f"{record.at:.3f}",
        "tenant": record.owner.tenant,
        "user": part(record.owner.user),
        "model": record.model,
        "endpoint": record.endpoint,
        "in": str(record.input_length),
        "out": str(record.output_length),
        "s": f"{record.seconds:.4f}",
        "q": f"{record.queue_seconds:.4f}",
        "outcome": record.outcome,
        "last": str(int(record.last)),
    }


def record_of(fields: Mapping[str, str]) -> InferenceRecord:
    return InferenceRecord(
        float(fields["at"]), Owner(fields["tenant"], unpart(fields["user"])), fields["model"], fields["endpoint"],
        int(fields["in"]), int(fields["out"]), float(fields["s"]), float(fields["q"]), fields["outcome"],
        fields["last"] == "1")


def stored_subject(subject: Subject) -> str:
    return f"{subject.sort} {subject.tenant} {part(subject.name)}"


def subject_of(stored: str) -> Subject:
    sort, tenant, name = stored.split(" ")
    return Subject(Sort(sort), unpart(name), tenant)


def stored_anomaly(anomaly: Anomaly) -> str:
    row = asdict(anomaly)
    del row["subject"]
    return json.dumps(row)


def anomaly_of(subject: str, stored: str) -> Anomaly:
    row: dict[str, Any] = json.loads(stored)
    return Anomaly(subject_of(subject), **row)
