"""One case for each line between trying again, acknowledging and burying."""

from __future__ import annotations

import pytest

from memoryos_tasks.core.errors import (
    Busy,
    Cancelled,
    DeadlineExceeded,
    EventConflict,
    InvalidRequest,
    LostClaim,
    MemoryOSError,
    QueueFull,
    TruthDown,
    Unavailable,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    VectorsDown,
    WorkerLost,
)
from memoryos_tasks.core.refusal import refusal
from memoryos_tasks.core.retries import ATTEMPTS, PATIENCE, POLICY, Decision, Rule, Verdict, decide, patience, reason


def answered(status: int, retry_after: float | None = None) -> UpstreamError:
    """A vendor's error that the client would get with this status."""
    error = UpstreamError(retry_after=retry_after)
    error.status = status
    return error


#: For each row of the policy, in its order: an error, and what becomes of its first run.
ROWS: list[tuple[Exception, Decision]] = [
    (Cancelled(), Decision(Verdict.DROP)),
    (LostClaim(), Decision(Verdict.WAIT, 0.5)),
    (Busy(), Decision(Verdict.WAIT, 0.5)),
    (TruthDown(), Decision(Verdict.WAIT, 1.0)),
    (DeadlineExceeded(), Decision(Verdict.FAIL)),
    (UpstreamTimeout(), Decision(Verdict.RETRY, 2.0)),
    (answered(400), Decision(Verdict.FAIL)),
    (InvalidRequest(), Decision(Verdict.FAIL)),
    (MemoryOSError(), Decision(Verdict.RETRY, 1.0)),
    (ZeroDivisionError(), Decision(Verdict.RETRY, 1.0)),
]


def rule_of(error: Exception) -> Rule:
    return next(rule for rule in POLICY if isinstance(error, rule.error) and rule.when(error))


@pytest.mark.parametrize(("row", "error", "decision"), [(row, *case) for row, case in zip(POLICY, ROWS, strict=True)])
def test_each_row_of_the_policy_decides_its_errors(row: Rule, error: Exception, decision: Decision) -> None:
    assert rule_of(error) is row
    assert decide(error, 1) == decision


@pytest.mark.parametrize(("error", "verdict"), [
    (VectorsDown(), Verdict.WAIT),
    (QueueFull(), Verdict.WAIT),
    (Unavailable(), Verdict.WAIT),
    (EventConflict(), Verdict.FAIL),
    (WorkerLost(), Verdict.RETRY),
    (UpstreamError(), Verdict.RETRY),
    (OSError("disk"), Verdict.RETRY),
])
def test_a_kind_of_error_goes_the_way_of_its_family(error: Exception, verdict: Verdict) -> None:
    assert decide(error, 1).verdict is verdict


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_a_vendor_may_do_better_next_time_is_tried_again(status: int) -> None:
    assert decide(answered(status), 1).verdict is Verdict.RETRY


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_what_a_vendor_refuses_for_good_is_final(status: int) -> None:
    assert decide(answered(status), 1) == Decision(Verdict.FAIL)
    refused = UpstreamRefused()
    refused.status = status
    assert decide(refused, 1) == Decision(Verdict.FAIL)


@pytest.mark.parametrize("status", [408, 409, 429])
def test_a_refusal_that_passes_is_tried_again(status: int) -> None:
    refused = UpstreamRefused()
    refused.status = status
    assert decide(refused, 1).verdict is Verdict.RETRY


def test_a_call_that_does_not_fit_the_vendor_is_final_though_it_is_a_bad_gateway_to_the_client() -> None:
    assert UpstreamRefused().status == 502
    assert decide(UpstreamRefused(), 1) == Decision(Verdict.FAIL)


def test_a_content_block_is_never_tried_again() -> None:
    blocked = refusal("azure_openai", 400, {}, b'{"error": {"code": "content_filter"}}', secret="", now=0)
    assert decide(blocked, 1) == Decision(Verdict.FAIL)
    assert patience(blocked) is None


@pytest.mark.parametrize("error", [UpstreamTimeout(), MemoryOSError(), ValueError()])
def test_the_last_attempt_is_final(error: Exception) -> None:
    assert [decide(error, run).verdict for run in range(1, ATTEMPTS + 2)] == [
        Verdict.RETRY, Verdict.RETRY, Verdict.FAIL, Verdict.FAIL,
    ]
    assert decide(error, 1, most=1) == Decision(Verdict.FAIL)
    assert decide(error, ATTEMPTS, most=ATTEMPTS + 1).verdict is Verdict.RETRY


@pytest.mark.parametrize("error", [Busy(), TruthDown()])
def test_a_part_of_ours_that_is_away_is_waited_for_without_end(error: Exception) -> None:
    assert decide(error, 1000, most=3).verdict is Verdict.WAIT


@pytest.mark.parametrize(("error", "delays"), [
    (UpstreamTimeout(), [2, 4, 8, 16, 32, 60, 60]),
    (MemoryOSError(), [1, 2, 4, 8, 16, 30, 30]),
    (KeyError(), [1, 2, 4, 8, 16, 30, 30]),
])
def test_delays_double_up_to_a_bound(error: Exception, delays: list[float]) -> None:
    assert [decide(error, run, most=99).delay for run in range(1, 8)] == delays
    assert decide(error, 100_000, most=10**6).delay == delays[-1]


@pytest.mark.parametrize(("error", "delays"), [(Busy(), [0.5, 1, 2, 4, 5, 5]), (TruthDown(), [1, 2, 4, 8, 16, 30])])
def test_runs_that_do_not_count_as_attempts_lengthen_the_wait_all_the_same(
    error: Exception, delays: list[float]
) -> None:
    # A wait is taken back from the attempts, so each run is the first
    assert [decide(error, 1, waits=waits).delay for waits in range(6)] == delays


def test_earlier_waits_take_no_attempt_away() -> None:
    assert decide(MemoryOSError(), 1, waits=50) == Decision(Verdict.RETRY, 30.0)


def test_jitter_scales_the_backoff() -> None:
    assert decide(MemoryOSError(), 2, jitter=0.5) == Decision(Verdict.RETRY, 1.0)


@pytest.mark.parametrize(("asked", "run", "delay"), [(None, 1, 2.0), (1.0, 1, 2.0), (90.0, 1, 90.0), (3.0, 2, 4.0)])
def test_a_vendors_wait_is_kept_to_when_it_is_longer(asked: float | None, run: int, delay: float) -> None:
    assert decide(answered(429, asked), run).delay == delay


def test_a_vendors_wait_is_not_shortened_by_jitter() -> None:
    assert decide(answered(429, 7.0), 1, jitter=0.5).delay == 7.0


def test_what_our_own_parts_tell_clients_to_wait_is_no_backoff() -> None:
    assert decide(TruthDown(retry_after=20), 1).delay == 1.0


@pytest.mark.parametrize(("error", "code"), [
    (VectorsDown(), "vectors_unavailable"),
    (EventConflict(), "event_id_conflict"),
    (WorkerLost(), "worker_lost"),
    (ValueError("我的密码 4711"), "unexpected_error"),
])
def test_a_dead_letter_names_a_code_and_no_text(error: Exception, code: str) -> None:
    assert reason(error) == code


@pytest.mark.parametrize(("error", "seconds"), [
    (answered(429, 1.5), 1.5),
    (answered(503, PATIENCE), PATIENCE),
    (answered(429, PATIENCE + 0.1), None),
    (answered(429, 0.0), None),
    (answered(429), None),
    (answered(400, 1.0), None),
    (TruthDown(retry_after=1), None),
    (ValueError(), None),
])
def test_a_run_that_a_client_waits_for_bears_short_waits_of_a_vendor(error: Exception, seconds: float | None) -> None:
    assert patience(error) == seconds
