#!/usr/bin/env bash
# All checks and tests, in the environment that is active. pytest comes last, so that its closing line does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
python -m ruff check
python -m ruff format --check
python -m mypy
lint-imports --no-logo
python -m pytest -n auto --cov "$@"
