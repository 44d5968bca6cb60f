#!/usr/bin/env bash
# Run dead letters of a running stack again: DRY_RUN=0 COUNT=100 QUEUE=memory scripts/replay_dlq.sh
# By default it only tells which letters are meant (DRY_RUN=1), at most 100 (COUNT), of every list (no QUEUE).
# The stack: MEMORYOS_URL, else the one in MEMORYOS_DATA_DIR or ./.memoryos. MEMORYOS_API_KEY: an admin's, where keys are on.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$root/scripts/environment.sh"

dry_run="${DRY_RUN:-1}" count="${COUNT:-100}" queue="${QUEUE:-}"
[[ "$dry_run" =~ ^[01]$ ]] || fail "DRY_RUN must be 1 (only tell) or 0 (replay); it is '$dry_run'."
[[ "$count" =~ ^[1-9][0-9]{0,8}$ ]] || fail "COUNT must be a whole number from 1; it is '$count'."
commands
find_stack

words=(--count "$count")
if [ -n "$queue" ]; then words+=(--queue "$queue"); else words+=(--all); fi
if [ "$dry_run" = 1 ]; then words+=(--dry-run); fi
status=0
"$bin/memoryos" dlq replay "${words[@]}" || status=$?
if [ "$dry_run" = 1 ] && [ "$status" = 0 ]; then
    echo "DRY_RUN=1, which is the default: nothing was replayed. DRY_RUN=0 replays."
fi
exit "$status"
