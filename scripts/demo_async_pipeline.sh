#!/usr/bin/env bash
# Show an event travel from add to retrieval, and a worker killed on the way, in a stack of its own. Takes about
# ten seconds and leaves nothing behind.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$root/scripts/environment.sh"

commands
# The settings of whoever runs this are for other stacks.
for name in $(compgen -e | grep -E '^(MEMORYOS_|REDIS_URL$|CELERY_BROKER_URL$|QDRANT_URL$)'); do
    unset "$name"
done

work="" stack=""
clean_up() {
    trap '' INT TERM
    if [ -n "$stack" ]; then
        kill -TERM "$stack" 2>/dev/null || true
        wait "$stack" 2>/dev/null || true
    fi
    cd /
    [ -z "$work" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
work="$(mktemp -d)"

step() { printf '\n== %s\n' "$*"; }
show() { printf '   %s\n' "$@"; }
# message TEXT EVENT: a message of the demo's user as JSON.
message() { printf '{"user_id": "demo", "role": "user", "event_id": "%s", "content": "%s"}' "$2" "$1"; }
journal() { redis_do "$redis" XLEN chat_log; }
ready() { kill -0 "$stack" 2>/dev/null || { cat log >&2; fail "FAIL  the stack ended"; }; grep -q 'is ready on' log; }

step "Starting a stack of its own: two Redis servers, a worker, beat and the gateway"
cd "$work"
port="$("$bin/python" -c 'import socket
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    print(probe.getsockname()[1])')"
url="http://127.0.0.1:$port"
# Ctrl-C is for this script, which then stops the stack in good order.
MEMORYOS_ASYNC_MEMORY_PIPELINE=true setsid "$bin/memoryos" up --host 127.0.0.1 --port "$port" --data-dir "$work/data" >log 2>&1 &
stack=$!
until_true 60 "the stack is ready" ready
redis="$(cat data/redis.url)"
show "Ready on $url after $SECONDS s; data in $work/data"

step "1. The client adds an event. It is answered as soon as the event is on disk; no worker is waited for"
answer="$(call POST /v1/memory/add "$(message "My sailing boat is called Nimbus." demo-1)")"
job="$(json 'said["job_id"]' <<<"$answer")"
show "POST /v1/memory/add -> $answer"

step "2. It stands in the journal, the stream chat_log"
show "XLEN chat_log -> $(journal)"

step "3. A worker reads it there and takes it into memory; the job says when"
until_true 20 "job $job succeeds" job_is succeeded "$job"
show "GET /v1/jobs/$job -> $(call GET "/v1/jobs/$job" | json 'said["status"]')"

step "4. It has its place: short-term memory"
show "GET /v1/memory/events -> demo-1 is in $(place_of demo demo-1)"

step "5. And it is found"
show "$(call POST /v1/memory/retrieve '{"user_id": "demo", "query": "What is my boat called?"}' \
    | json '"POST /v1/memory/retrieve -> " + said["results"][0]["content"]')"

step "6. The same event once more, as a client sends it that heard no answer: no second effect"
show "POST /v1/memory/add -> $(call POST /v1/memory/add "$(message "My sailing boat is called Nimbus." demo-1)")"

step "7. The worker is killed (SIGKILL), and 20 events are added while it is dead"
worker="$(call GET /health/status | json 'said["detail"]["workers"][0]["pid"]')"
kill -KILL "$worker"
jobs=()
for number in $(seq 20); do
    answer="$(call POST /v1/memory/add "$(message "Waypoint $number of the trip is buoy B$number." "trip-$number")")"
    jobs+=("$(json 'said["job_id"]' <<<"$answer")")
done
show "All 20 were acknowledged. XLEN chat_log -> $(journal)"
show "The last one's job -> $(call GET "/v1/jobs/${jobs[19]}" | json 'said["status"]')"

step "8. The supervisor starts another worker, and what was acknowledged is there, once"
until_true 40 "the last job succeeds" job_is succeeded "${jobs[19]}"
there() {
    call GET '/v1/memory/events?user_id=demo&limit=1000' \
        | json 'len([one for one in said["events"] if one["event_id"].startswith("trip-")])'
}
all_there() { [ "$(there)" = 20 ]; }
until_true 20 "all 20 events are in memory" all_there
show "GET /v1/memory/events -> $(there) of 20 events of the trip"

step "Stopping it; nothing is left running, no file is left"
