"""The machines in a short form; ``python3 dev fuzz --minutes N`` runs them as long as wanted."""

from __future__ import annotations

from fuzz import MACHINES
from hypothesis import HealthCheck, Phase, settings

SHORT = settings(
    max_examples=25,
    stateful_step_count=30,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)

for machine in MACHINES.values():
    machine.TestCase.settings = SHORT

TestNystrom, TestSemidefinite, TestHMT, TestGram, TestTrains, TestWindow, TestCompletion = (
    machine.TestCase for machine in MACHINES.values()
)
