"""Stateful fuzzing: sketches against exact dense models, with faults between any two steps."""

from .completion import Incomplete
from .gram import Gram
from .linear import Nystrom, Trains
from .passes import HMT
from .window import Window

MACHINES = {cls.name: cls for cls in (Nystrom, HMT, Gram, Trains, Window, Incomplete)}
