#!/usr/bin/env bash
# The core tests under each Python from 3.11 to 3.14 that this machine has (on the PATH, or installed by pyenv). Those with
# a mark (torch, browser, wheel, precommit, tools) are run once, by check.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
tested=()
for version in 3.11 3.12 3.13 3.14; do
  python=
  for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
    "$candidate" -c '' 2>/dev/null && python=$candidate && break
  done
  if [ -z "$python" ]; then
    echo "Python $version: not on this machine"
    continue
  fi
  "$python" -m venv "$temp/$version"
  "$temp/$version/bin/pip" install --quiet -c constraints.txt -e '.[test]'
  PATH="$temp/$version/bin:$PATH" python -m pytest -n auto -m core "$@"
  tested+=("$version")
done
echo "tested: ${tested[*]:?no Python from 3.11 to 3.14 on this machine}"
