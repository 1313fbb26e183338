"""The command line: arguments in, calls to the library, a report out.

Each command is a file with `add`, which declares its arguments, and the function that runs it.
"""

from ._main import main

__all__ = ["main"]
