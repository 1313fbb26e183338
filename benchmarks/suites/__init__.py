"""The asv suite: time, peak memory and accuracy of every method of every work, at its sizes."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # which has the cases
