"""Readers that can crash, run in a process of their own; the arrays come back through a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..errors import StateFileError
from ..files.archive import Header

_SCRIPT = Path(__file__).parent / "_foreign.py"


def read_in_child(reader: str, path: str, name: str) -> tuple[Header, list[Any]]:
    """Return what a reader of ``_foreign.py`` answers about a file, and the arrays it sends.

    Raises
    ------
    StateFileError
        If it fails or crashes.
    """
    command = [sys.executable, "-P", str(_SCRIPT), reader, path, name]
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as child:
            pipe = child.stdout
            assert pipe is not None
            try:
                answer = json.loads(pipe.readline() or b"{}")
                plain: Any = SimpleNamespace(read=pipe.read)  # which NumPy does not seek in
                arrays = [np.lib.format.read_array(plain) for _ in range(answer.get("sent", 0))]
            except ValueError:  # it ended in the middle
                answer, arrays = {}, []
            except BaseException:
                child.kill()
                raise
        if child.returncode < 0 or not answer:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            reason = lines[-1] if child.returncode > 0 and lines else "its reader crashed"
            raise StateFileError(f"{path}: cannot be read ({reason}); the file is damaged")
    if "error" in answer:
        raise StateFileError(f"{path}: cannot be read ({answer['error']})")
    return answer, arrays
