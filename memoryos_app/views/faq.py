"""``/v1/admin/faq``: what a tenant's users ask often, and what answers them without a model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, jsonify

from memoryos_app import changes
from memoryos_app.api import Area, gives, route, takes
from memoryos_app.caller import admin_only, caller
from memoryos_app.parts import parts
from memoryos_app.schemas.errors import ErrorSchema
from memoryos_app.schemas.faq import (
    FaqDemoteSchema,
    FaqExportSchema,
    FaqHistoryQuerySchema,
    FaqHistorySchema,
    FaqPromoteSchema,
    FaqQuerySchema,
    FaqSchema,
    FaqsSchema,
    FaqStatsSchema,
    FaqWhoseSchema,
)
from memoryos_app.schemas.jobs import AcceptedSchema, JobSchema
from memoryos_tasks.core.errors import InvalidRequest, NotFound
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_ask import stands_alone
from memoryos_tasks.core.faq_form import form
from memoryos_tasks.ports.faq import EXPORT_USER, Faq, Row, State

area = Area("faq", __name__, description="For operators: answers without a model")
area.before_request(admin_only)

KIND = "faq_export"
#: Who promotes and demotes here.
ADMIN = "admin"
_FORBIDDEN = "The API key is no admin's; without keys, the caller is not on this machine."
_UNKNOWN = "There is no FAQ and no candidate of this id."


@route(area, "/v1/admin/faq")
@takes(area, FaqQuerySchema, "query")
@gives(area, 200, FaqsSchema)
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
def listed(asked: dict[str, Any]) -> Response:
    """List FAQs or candidates"""
    start, count = asked["cursor"], asked["limit"]
    rows, total = parts().faqs.rows(_tenant(asked), State(asked["state"]), start=start, count=count)
    on = start + count if start + count < total else None
    return jsonify({"faqs": [_row(row) for row in rows], "total": total, "next_cursor": on})


@route(area, "/v1/admin/faq/stats")
@takes(area, FaqWhoseSchema, "query")
@gives(area, 200, FaqStatsSchema)
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
def stats(asked: dict[str, Any]) -> Response:
    """Count FAQs, candidates and hits"""
    its, tenant = parts().settings().faq, _tenant(asked)
    needs = {
        "asks": its.min_asks, "heat": its.min_heat, "window_days": its.window_days, "answers": its.min_answers,
        "similarity": its.min_similarity, "users": its.min_users, "auto_promote": its.auto_promote,
    }  # fmt: skip
    return jsonify({"tenant": tenant, "enabled": its.enabled, **asdict(parts().faqs.totals(tenant)), "needs": needs})


@route(area, "/v1/admin/faq/history")
@takes(area, FaqHistoryQuerySchema, "query")
@gives(area, 200, FaqHistorySchema)
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
def history(asked: dict[str, Any]) -> Response:
    """See what became of FAQs

    The last 1,000 steps of a tenant: promoted, written, demoted, removed with their user.
    """
    steps = parts().faqs.history(_tenant(asked), asked.get("id"), count=asked["limit"])
    return jsonify({"history": [asdict(step) for step in steps]})


@route(area, "/v1/admin/faq/<string:faq_id>")
@takes(area, FaqWhoseSchema, "query")
@gives(area, 200, FaqSchema)
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
@gives(area, 404, ErrorSchema, says=_UNKNOWN)
def show(asked: dict[str, Any], faq_id: str) -> Response:
    """Show one FAQ or candidate"""
    return jsonify(_row(parts().faqs.row(_tenant(asked), faq_id)))


@route(area, "/v1/admin/faq/promote", "POST")
@takes(area, FaqPromoteSchema)
@gives(area, 200, FaqSchema)
@gives(area, 400, ErrorSchema, says="The question does not stand alone, so no request could ask it.")
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
@gives(area, 404, ErrorSchema, says=_UNKNOWN)
def promote(asked: dict[str, Any]) -> Response:
    """Make a candidate an FAQ, or write one

    One that is written by hand answers under every system prompt, and stays until it is demoted by hand.
    """
    tenant = _tenant(asked)
    id = _promoted(tenant, asked["id"]) if "id" in asked else _written(tenant, asked["question"], asked["answer"])
    return jsonify(_row(parts().faqs.row(tenant, id)))


@route(area, "/v1/admin/faq/demote", "POST")
@takes(area, FaqDemoteSchema)
@gives(area, 204)
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
@gives(area, 404, ErrorSchema, says=_UNKNOWN)
def demote(asked: dict[str, Any]) -> Response:
    """Take an FAQ off the shelf

    It is not promoted again unless you do it.
    """
    if not parts().faqs.demote(_tenant(asked), asked["id"], by=ADMIN, hold=True):
        raise NotFound(f"There is no FAQ {asked['id']!r}.", param="id")
    return Response(status=204)


@route(area, "/v1/admin/faq/export", "POST")
@takes(area, FaqExportSchema)
@gives(area, 202, AcceptedSchema, says="The job; its `result` says where the document is, or holds it.")
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
@gives(area, 503, ErrorSchema, says="The store of record is away; nothing was begun.")
def export(asked: dict[str, Any]) -> Response:
    """Export FAQs as Markdown, to S3 or to Confluence"""
    tenant = _tenant(asked)
    job_id = changes.begin(parts(), Owner(tenant, EXPORT_USER), KIND, {"tenant": tenant, "to": asked["to"]})
    response = jsonify({"id": job_id, "job_id": job_id, "status": "queued"})
    response.status_code = 202
    response.headers["X-MemoryOS-Job"] = job_id
    return response


@route(area, "/v1/admin/faq/exports/<string:job_id>")
@takes(area, FaqWhoseSchema, "query")
@gives(area, 200, JobSchema)
@gives(area, 403, ErrorSchema, says=_FORBIDDEN)
@gives(area, 404, ErrorSchema, says="There is no such export, or its result has expired.")
def exported(asked: dict[str, Any], job_id: str) -> Response:
    """Look up an export, of any tenant"""
    job = parts().ledger.get(_tenant(asked), job_id)
    if job.kind != KIND:
        raise NotFound(f"There is no export {job_id!r}; results are kept for a limited time.", param="id")
    error = job.error if job.error and job.status.final else None
    return jsonify({
        "id": job.id, "job_id": job.id, "kind": job.kind, "status": job.status.value, "progress": job.progress,
        "attempts": job.attempts, "result": job.result, "error": error,
    })  # fmt: skip


def _promoted(tenant: str, id: str) -> str:
    """Promote a candidate with the answer most like all others."""
    shelf = parts().faqs
    row, unit = shelf.row(tenant, id), shelf.unit(tenant, id)
    if row.state is State.LIVE:
        return id
    best = next((sample for sample in unit.samples if sample.place == row.stats.best), None)
    if best is None or not shelf.promote(tenant, unit, best, by=ADMIN):
        raise NotFound(f"The answers of the candidate {id!r} are no longer there.", param="id")
    return id


def _written(tenant: str, question: str, answer: str) -> str:
    if not stands_alone(question):
        raise InvalidRequest(
            "question: it does not stand alone (it refers to something said before, or says too little), so no "
            "request could be answered by it.", param="question",
        )  # fmt: skip
    id = parts().faqs.identity(tenant, form(question).gist, None)
    parts().faqs.write(tenant, Faq(id, question.strip(), answer.strip(), any_scope=True), by=ADMIN)
    return id


def _row(row: Row) -> dict[str, Any]:
    live, known = row.state is State.LIVE, row.stats
    return {
        "id": row.id,
        "state": row.state.value,
        "question": row.faq.question if row.faq else None,
        "answer": row.faq.answer if row.faq else None,
        "written": row.faq is not None and row.faq.source is None,
        "promoted_at": row.faq.at if row.faq and live else None,
        "asks": known.asks,
        "heat": round(known.heat, 2),
        "users": known.users,
        "hits": row.hits,
        "similarity": round(known.similarity, 4),
        "wording_similarity": round(known.wording, 4),
        "answer_similarity": round(known.agreement, 4),
    }


def _tenant(asked: dict[str, Any]) -> str:
    return str(asked.get("tenant") or caller().tenant)
