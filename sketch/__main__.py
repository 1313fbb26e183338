"""Run the command line: ``python -m sketch``."""

from .cli import main

raise SystemExit(main())
