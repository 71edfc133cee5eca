"""`python -m geoglot` is the `geoglot` program."""

from geoglot.cli.main import main

main()
