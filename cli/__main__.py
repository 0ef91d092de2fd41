"""Lets `python -m cli` run `simpul`."""

from cli.main import main

main()
