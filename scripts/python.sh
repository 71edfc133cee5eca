#!/bin/sh
# Prints a Python that can carry geoglot: 3.11 or newer, able to make a virtual environment.
# $PYTHON first, where it is set; what it says when there is none is what to do.
set -u

old="" bare=""
for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
  "$python" -c '' 2>/dev/null || continue
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { old="$old $python"; continue; }
  # Debian packs venv without ensurepip, so it is ensurepip that tells.
  "$python" -c 'import ensurepip, venv' 2>/dev/null || { bare="$bare $python"; continue; }
  echo "$python"
  exit 0
done

if [ -n "$bare" ]; then
  echo "Python cannot make virtual environments ($bare ): on Debian and Ubuntu, apt-get install python3-venv" >&2
elif [ -n "$old" ]; then
  echo "geoglot needs Python 3.11 or newer, and$old is older: install one, or name it: make setup PYTHON=/path/to/python" >&2
else
  echo "geoglot needs Python 3.11 or newer, and none was found: install one, or name it: make setup PYTHON=/path/to/python" >&2
fi
exit 1
