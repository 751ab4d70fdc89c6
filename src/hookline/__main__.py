"""``python -m hookline``: the same as ``hookline``."""

from hookline.cli.main import main

main()
