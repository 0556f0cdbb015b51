"""Store files that two bundles have in common only once: ``python -m edgetrack.export.share BUNDLE OTHER``.

OTHER, a sibling folder of BUNDLE, keeps the files.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edgetrack.export.staging import share_files
from edgetrack.terminal import open_console


def main() -> None:
    """Share the files and print how much space that saves."""
    folder, other = (Path(argument) for argument in sys.argv[1:3])
    saved = share_files(folder, other) / 1e6
    open_console().print(f"{folder.name} shares {saved:.1f} MB with {other.name}")


if __name__ == "__main__":
    main()
