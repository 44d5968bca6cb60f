"""A vendor's error as ours: the rule is the core's, since the gateway's plain proxy follows it too."""

from memoryos_tasks.core.refusal import (
    CONTENT_FILTER,
    KEPT,
    MAX_TEXT,
    error_object,
    failure,
    failure_inside,
    refusal,
    retry_after,
    safe_text,
    vendor_error,
)

__all__ = [
    "CONTENT_FILTER",
    "KEPT",
    "MAX_TEXT",
    "error_object",
    "failure",
    "failure_inside",
    "refusal",
    "retry_after",
    "safe_text",
    "vendor_error",
]
