"""Stateful fuzzing: sketches against exact dense models, with faults between any two steps."""

from .completion import Incomplete
from .gram import Gram
from .linear import Nystrom, Trains
from .passes import HMT
from .semidefinite import Semidefinite
from .window import Window

MACHINES = {cls.name: cls for cls in (Nystrom, Semidefinite, HMT, Gram, Trains, Window, Incomplete)}
