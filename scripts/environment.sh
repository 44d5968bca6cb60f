# Sourced by the other scripts: makes .venv in the project's root and installs what a lock file names.
# Needs $root. Messages go to standard error.

fail() {
    echo "$*" >&2
    exit 1
}

# The first Python between 3.11 and 3.13; $PYTHON names another.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.12 python3.13 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    # A newer one may work too; the lock is made and tested on those above.
    for candidate in python3 python3.14; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer was not found. Install it, or name it: PYTHON=/path/to/python3.11 $0"
}

# What an installation from a lock file depends on.
stamp() {
    echo "$(cat "$root/$1" "$root/setup.cfg" "$root/pyproject.toml" "$root/scripts/environment.sh" | sha256sum) $root"
}

# install LOCK: nothing happens when this lock, or the richer one for development, was installed and nothing has changed.
install() {
    local lock="$root/$1" venv="$root/.venv" installed python
    [ -f "$lock" ] || fail "$1 is missing: this is not a whole checkout."
    for installed in "$1" requirements-dev.lock; do
        if [ -x "$venv/bin/memoryos" ] && [ "$(cat "$venv/.installed-$installed" 2>/dev/null)" = "$(stamp "$installed")" ]; then
            return
        fi
    done
    # One at a time: two starts in one checkout would install over each other.
    exec 9<"$root/scripts/environment.sh"
    flock 9
    if ! "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python="$(find_python)" || exit 1
        echo "Making .venv with $("$python" --version)" >&2
        rm -rf "$venv"
        "$python" -m venv "$venv" || fail "The virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv"
    fi
    echo "Installing from $1" >&2
    rm -f "$venv"/.installed-*
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input --requirement "$lock" \
        || fail "The packages could not be installed. Is the package index reachable?"
    # setuptools is in the lock, so nothing else is fetched to build this.
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input --no-deps --no-build-isolation \
        --editable "$root" || fail "MemoryOS itself could not be installed."
    stamp "$1" > "$venv/.installed-$1"
    exec 9<&-
}

# Sets $bin to the folder of the commands: of the environment that is active if MemoryOS is in it, else of .venv, which
# is made when it is missing.
commands() {
    if [ -n "${VIRTUAL_ENV:-}" ] && [ -x "$VIRTUAL_ENV/bin/memoryos" ]; then
        bin="$VIRTUAL_ENV/bin"
    else
        install requirements.lock
        bin="$root/.venv/bin"
    fi
    command -v curl >/dev/null || fail "curl was not found. On Debian and Ubuntu: apt install curl"
}

# The stack that the commands mean: MEMORYOS_URL or MEMORYOS_DATA_DIR, else ./.memoryos, else that of the project's root.
find_stack() {
    if [ -z "${MEMORYOS_DATA_DIR:-}" ] && [ ! -d .memoryos ] && [ -d "$root/.memoryos" ]; then
        export MEMORYOS_DATA_DIR="$root/.memoryos"
    fi
}

# call METHOD PATH [JSON [CURL OPTION...]]: what the gateway at $url answers.
call() {
    local method="$1" path="$2" body="${3:-}"
    [ -z "$body" ] || set -- "$@" -H 'Content-Type: application/json' --data-binary "$body"
    # The key comes by standard input: arguments can be read by everybody on the machine.
    printf 'Authorization: Bearer %s\n' "${MEMORYOS_API_KEY:-none}" \
        | curl -sS --noproxy '*' --max-time 30 -H @- -X "$method" "${@:4}" "$url$path"
}

# json EXPRESSION [ARGUMENT...]: the Python expression, in which "said" is the JSON on standard input.
json() {
    "$bin/python" -c "import json, sys; said = json.load(sys.stdin); print($1)" "${@:2}"
}

# redis_do URL COMMAND...: run a command on a Redis server.
redis_do() {
    if command -v redis-cli >/dev/null; then
        redis-cli --no-auth-warning -u "$@"
    else
        "$bin/python" -c 'import redis, sys
print(redis.Redis.from_url(sys.argv[1], decode_responses=True, socket_timeout=5).execute_command(*sys.argv[2:]))' "$@"
    fi
}

# until_true SECONDS WHAT COMMAND...: wait for the command to succeed.
until_true() {
    local end="$((SECONDS + $1))" what="$2"
    until "${@:3}"; do
        [ "$SECONDS" -lt "$end" ] || fail "FAIL  not within $1 s: $what"
        sleep 0.2
    done
}

# job_is STATUS JOB
job_is() {
    [ "$(call GET "/v1/jobs/$2" | json 'said.get("status")')" = "$1" ]
}

# place_of USER EVENT: where memory keeps an event; empty when it is not there, "twice" when it is there twice.
place_of() {
    call GET "/v1/memory/events?user_id=$1&limit=1000" \
        | json '"".join(one["place"] for one in said["events"] if one["event_id"] == sys.argv[1])' "$2"
}
