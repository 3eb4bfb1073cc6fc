#!/bin/sh
# Makes the environment of another crawler, or leaves it alone where nothing changed. `bench crawl --peer .venv-peer-crawl/bin/python` runs it
# beside Headwater; it is never part of the project.
#
# usage: tools/crawl_peers.sh
#
# reads PYTHON (an interpreter to use instead of python3) and pip's own settings.
set -eu

cd "$(dirname "$0")/.."
. tools/environment.sh

[ $# -eq 0 ] || { echo "usage: tools/crawl_peers.sh" >&2 && exit 2; }
environment peer .venv-peer-crawl "acryl-datahub[postgres]>=1.7,<1.8"
