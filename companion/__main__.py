"""`python -m companion` and the `companion` command: picks a role and hands over.

The window and the worker roles are found without building the command line, because their start is felt.
"""

from __future__ import annotations

import sys


def main() -> int:
    arguments = sys.argv[1:]
    if arguments == ["engine"]:
        from companion.engine.worker import main as engine

        return engine()
    if len(arguments) == 2 and arguments[0] == "check":
        from companion.engine.check import main as check

        return check(arguments[1])
    from companion.cli import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
