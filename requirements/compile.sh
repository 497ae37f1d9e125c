#!/usr/bin/env bash
# Renew the pins: every version and hash that the ranges in pyproject.toml allow today.
# No index line and no host name goes into the files, so that they install from any mirror.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
compile() { uv pip compile --quiet --universal --generate-hashes --no-header --upgrade "$@"; }
compile pyproject.toml --output-file requirements/core.txt
compile pyproject.toml --all-extras --group dev --output-file requirements/all.txt
