#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Check the types with mypy --strict and django-stubs, in a virtualenv that is kept for the next run:
#   companion/run-types.sh PYTHON
set -eu
if [ $# -ne 1 ]; then
    echo "usage: $0 PYTHON" >&2
    exit 2
fi
cd "$(dirname "$0")"
venvs=${COMPANION_VENVS:-$PWD/../build/companion-venvs}
wanted="types $("$1" -c 'import sys; print(sys.executable, sys.version)') $(cat tests/requirements-types.txt)"
venv=$venvs/$(printf '%s' "$wanted" | cksum | cut -d' ' -f1)
if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    mkdir -p "$venvs"
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --python "$(command -v "$1")" "$venv"
        uv pip install --quiet --compile-bytecode --python "$venv/bin/python" -r tests/requirements-types.txt
    else
        "$1" -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/requirements-types.txt
    fi
    touch "$venv/complete"
fi
exec "$venv/bin/python" -m mypy --cache-dir "$venv/.mypy_cache"
