"""`python -m penstock_platform`: the command line, where the script `penstock` is not on the path."""

from penstock_platform.cli import main

main()
