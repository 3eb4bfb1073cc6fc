#!/bin/sh
# Makes the environment of implicit, or leaves it alone where nothing changed. The benchmark of used together runs it beside
# Headwater; it is never part of the project.
#
# usage: tools/usage_peers.sh
#
# reads PYTHON (an interpreter to use instead of python3) and pip's own settings.
set -eu

cd "$(dirname "$0")/.."
. tools/environment.sh

# make NAME REQUIREMENT…
make() {
    name=$1
    shift
    environment peer ".venv-peer-$name" "$@"
}

make implicit "implicit>=0.7.2,<0.8" scipy numpy
