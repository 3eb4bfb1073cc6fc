#!/bin/sh
# Makes the environment of implicit, or leaves it alone where nothing changed. The benchmark of used together runs it beside
# Headwater; it is never part of the project.
#
# usage: tools/usage_peers.sh
#
# reads PYTHON (an interpreter to use instead of python3) and pip's own settings.
set -eu

cd "$(dirname "$0")/.."

# make NAME REQUIREMENT…: an environment with exactly these, made again when the list changes
make() {
    venv=.venv-peer-$1
    shift
    stamp=$venv/.headwater-peer
    if [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$*" ]; then return; fi
    printf 'peers: making %s with %s\n' "$venv" "$*" >&2
    "${PYTHON:-python3}" -m venv --clear "$venv"
    "$venv/bin/python" -m pip -qq --disable-pip-version-check install "$@"
    echo "*" >"$venv/.gitignore" # whatever the project ignores, this is never part of it
    echo "$*" >"$stamp"
}

make implicit "implicit>=0.7.2,<0.8" scipy numpy
