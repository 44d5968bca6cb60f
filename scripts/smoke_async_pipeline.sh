#!/usr/bin/env bash
# Send events through the pipeline of a running stack and look for them in memory. One line a check; exit code 1 when
# one fails. The stack: MEMORYOS_URL, else the one in MEMORYOS_DATA_DIR or ./.memoryos, with MEMORYOS_API_KEY where keys are on.
# A raw journal entry is tried too when its Redis is known: REDIS_URL, else the data directory's. TENANT: the key's tenant.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$root/scripts/environment.sh"

commands
find_stack
pass() { echo "PASS  $*"; }
bad() { fail "FAIL  $*"; }

status="$("$bin/memoryos" status 2>&1)" || bad "the stack is not ready
$status"
url="$(sed -n 's/^server *//p' <<<"$status")"
pass "the stack at $url is ready"

mark="$(date +%s)$RANDOM" user="smoke-$$-$RANDOM"
event="{\"user_id\": \"$user\", \"role\": \"user\", \"event_id\": \"smoke-$mark\", \"content\": \"The smoke test hung badge $mark on the door.\"}"

# An event over HTTP. With the asynchronous pipeline it is accepted, else applied before the answer; both name a job.
answer="$(call POST /v1/memory/add "$event" -i)"
said="$(sed '1,/^\r*$/d' <<<"$answer")"
job="$(tr -d '\r' <<<"$answer" | sed -n 's/^X-MemoryOS-Job: //Ip')"
case "$(json 'said.get("status")' <<<"$said")" in
    accepted | ok) pass "add: $(json 'said["status"]' <<<"$said"), job $job" ;;
    *) bad "add was answered $said" ;;
esac
until_true "${WAIT:-20}" "job $job succeeds" job_is succeeded "$job"
pass "job $job succeeded"

[ "$(call POST /v1/memory/add "$event" | json 'said.get("status")')" = duplicate ] || bad "the same event_id was taken twice"
pass "the same event_id again is a duplicate"
[ "$(place_of "$user" "smoke-$mark")" = stm ] || bad "the event is in '$(place_of "$user" "smoke-$mark")', not in stm, once"
pass "the event is in short-term memory, once"

# found MARK: a search finds the event with this mark.
found() {
    call POST /v1/memory/retrieve "{\"user_id\": \"$user\", \"query\": \"Where is badge $1?\"}" \
        | json 'sys.exit(not any(sys.argv[1] in one["content"] for one in said["results"]))' "$1" >/dev/null
}
until_true 10 "a search finds badge $mark" found "$mark"
pass "a search finds it"

# An entry that somebody put into the journal by hand, twice.
redis="${REDIS_URL:-$(cat "${MEMORYOS_DATA_DIR:-.memoryos}/redis.url" 2>/dev/null || true)}"
if [ -z "$redis" ]; then
    echo "SKIP  a raw journal entry: its Redis is not known; REDIS_URL names it"
    exit 0
fi
raw="raw$mark"
for _ in 1 2; do
    redis_do "$redis" XADD chat_log '*' event_id "$raw" tenant "${TENANT:-default}" \
        payload "{\"user_id\": \"$user\", \"role\": \"user\", \"content\": \"Badge $raw lies in the cellar.\"}" >/dev/null
done
raw_is_applied() { [ "$(place_of "$user" "$raw")" = stm ]; }
until_true "${WAIT:-20}" "the raw entry $raw is in short-term memory" raw_is_applied
until_true 10 "a search finds $raw" found "$raw"
pass "a raw entry (XADD chat_log), put in twice, is in short-term memory, once, and found"
