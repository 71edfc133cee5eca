#!/bin/sh
# Writes requirements/constraints.txt: what a fresh resolution of pyproject.toml installs today, torch kept where it is.
set -eu
cd "$(dirname "$0")/.."

lock=requirements/constraints.txt
torch=$(sed -n 's/^torch==//p' $lock)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$(sh scripts/python.sh)" -m venv "$scratch"
"$scratch/bin/pip" install --quiet --upgrade pip
"$scratch/bin/pip" install --quiet "torch==$torch" hatchling editables --group dev --editable .
{
  sed -n '/^#/p' $lock
  "$scratch/bin/pip" freeze --all --exclude-editable | sed 's/+cpu$//'
} > "$scratch/lock"
mv "$scratch/lock" $lock
