"""Where the frozen program begins: the window without arguments, else a role or a command."""

import multiprocessing
import sys

from companion.__main__ import main

if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main())
