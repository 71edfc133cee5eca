"""`python -m geoglot` is the `geoglot` program."""

from __future__ import annotations

from geoglot.cli.main import main

main()
