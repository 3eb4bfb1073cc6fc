# Read by the scripts beside it, in the project's root: how they make an environment of its own for what tests and benchmarks run.
#
# environment KIND FOLDER REQUIREMENT…: FOLDER with exactly these, made again when the list changes. KIND (emulator, emitter, peer)
# stands in the name of the mark and in what is said. Reads PYTHON (an interpreter to use instead of python3) and pip's own settings.
environment() {
    kind=$1
    venv=$2
    shift 2
    stamp=$venv/.headwater-$kind
    if [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$*" ]; then return; fi
    printf '%ss: making %s with %s\n' "$kind" "$venv" "$*" >&2
    "${PYTHON:-python3}" -m venv --clear "$venv"
    # the little that is used of them is compiled when it is imported
    "$venv/bin/python" -m pip -qq --disable-pip-version-check install --no-compile "$@"
    echo "*" >"$venv/.gitignore" # whatever the project ignores, this is never part of it
    echo "$*" >"$stamp"
}
