"""`python -m cli` is `simpul`."""

from cli.main import main

main()
