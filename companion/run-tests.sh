#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Run the tests against one Django on one Python, in a virtualenv that is kept for the next run:
#   companion/run-tests.sh 'Django~=5.2.0' python3.11 [pytest arguments]
# COMPANION_VENVS says where the virtualenvs are kept.
set -eu
if [ $# -lt 2 ]; then
    echo "usage: $0 DJANGO_SPEC PYTHON [pytest arguments]" >&2
    exit 2
fi
django=$1
python=$2
shift 2
cd "$(dirname "$0")"
venvs=${COMPANION_VENVS:-$PWD/../build/companion-venvs}
wanted="$django $("$python" -c 'import sys; print(sys.executable, sys.version)') $(cat tests/requirements.txt)"
venv=$venvs/$(printf '%s' "$wanted" | cksum | cut -d' ' -f1)

# The mark is written last, so a virtualenv that was left half-made is made anew.
if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    mkdir -p "$venvs"
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --python "$(command -v "$python")" "$venv"
        uv pip install --quiet --compile-bytecode --python "$venv/bin/python" "$django" -r tests/requirements.txt
    else
        "$python" -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$django" -r tests/requirements.txt
    fi
    touch "$venv/complete"
fi
"$venv/bin/python" -c 'import django, sys; print("Django", django.__version__, "on Python", sys.version.split()[0])'
# Each run has its own coverage file: runs of two versions may go side by side.
export COVERAGE_FILE="$venv/.coverage" PYTHONDONTWRITEBYTECODE=1
# More workers than processors: much of the time is spent waiting, for servers and for values to expire.
set -- -n "${COMPANION_WORKERS:-4}" --dist loadscope --no-loadscope-reorder "$@"
# What takes long and is the same on each Django is on the newest one only: the load, and counting branches, none of
# which asks for the version of Django.
if [ "$django" = Django ]; then
    export COMPANION_LOAD="${COMPANION_LOAD:-1}"
    set -- --cov --cov-report=term "$@"
fi
exec "$venv/bin/python" -m pytest "$@"
