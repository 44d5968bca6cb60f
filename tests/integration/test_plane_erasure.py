"""An erased user is not in what the control plane recorded either."""

from __future__ import annotations

import time

import redis

from memoryos_tasks.adapters.plane.records import Records
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.remains import RedisRemains
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.records import OK, InferenceRecord
from memoryos_tasks.core.settings_observe import Observe
from memoryos_tasks.ports.codec import Codec

WANG, ALICE = Owner("acme", "王 a:b"), Owner("acme", "alice")


def test_what_the_plane_recorded_of_a_user_goes_with_the_user(
    truth: redis.Redis, traffic: redis.Redis, codec: Codec, ledger: RedisLedger
) -> None:
    # Given inferences of two users
    remains = RedisRemains(truth, traffic, codec, ledger, RedisRuns(traffic, codec, block=traffic))
    records = Records(truth, traffic, Observe(), interval=60)
    for owner in (WANG, WANG, ALICE):
        records.note(InferenceRecord(time.time(), owner, "m", "e", 1, 1, 0.1, 0.0, OK))
        records.asked(owner, "192.0.2.1")
    records.close()
    began = time.time()
    assert remains.left(WANG, 0, began)["inferences"] == 2
    # When one is erased
    assert remains.remove_traffic(WANG) == 2
    # Then nothing of that user is left, and the other's is
    assert remains.left(WANG, 0, began)["inferences"] == 0
    assert remains.left(ALICE, 0, began)["inferences"] == 1
    hashes = [traffic.hgetall(key) for key in traffic.keys("*") if traffic.type(key) == "hash"]
    assert "%E7%8E%8B" not in str(hashes)
    # And one that came after the erasure began does not keep it from its end
    records = Records(truth, traffic, Observe(), interval=60)
    records.note(InferenceRecord(began + 5, WANG, "m", "e", 1, 1, 0.1, 0.0, OK))
    records.close()
    assert remains.left(WANG, 0, began)["inferences"] == 0
