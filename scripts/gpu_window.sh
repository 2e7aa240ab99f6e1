#!/usr/bin/env bash
# The GPU work that is still missing, in the minutes given: bash scripts/gpu_window.sh MINUTES [--folder FOLDER]
exec "${PYTHON:-python3}" "$(dirname "${BASH_SOURCE[0]}")/gpu_window.py" "$@"
