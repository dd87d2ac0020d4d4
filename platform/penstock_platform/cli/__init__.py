"""The command line: `penstock`. Each command's module is imported only when it is called."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point `penstock`: commands, with every error shown as one object and its exit code."""
    if sys.argv[1:] == ["--version"]:  # answered without click: it costs 70 ms to import
        from penstock import __version__

        print(f"penstock {__version__}")
        return
    from penstock_platform.cli.root import run

    sys.exit(run(sys.argv[1:]))
