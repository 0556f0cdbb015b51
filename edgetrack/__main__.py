"""``python -m edgetrack`` is the command ``edgetrack``."""

from edgetrack.cli import main

main()
