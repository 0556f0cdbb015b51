"""python -m edgetrack.export CHECKPOINT OUTPUT"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edgetrack.errors import EdgetrackError
from edgetrack.export.pipeline import ExportConfig, export


def main() -> int:
    defaults = ExportConfig(Path(), Path())
    parser = argparse.ArgumentParser(
        prog="python -m edgetrack.export", description="Make a bundle of a checkpoint."
    )
    parser.add_argument("checkpoint", type=Path, help="a file that the training wrote")
    parser.add_argument("output", type=Path, help="the bundle's folder")
    parser.add_argument(
        "--text", type=Path, default=defaults.text, help="text encoder's folder, default %(default)s"
    )
    parser.add_argument("--name", default=defaults.name, help="default %(default)s")
    parser.add_argument("--version", default=defaults.version, help="default %(default)s")
    arguments = parser.parse_args()
    try:
        report = export(ExportConfig(**vars(arguments)))
    except EdgetrackError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    manifest = report.bundle.manifest
    size = sum(file.stat().st_size for file in report.bundle.folder.iterdir()) / 1e6
    worst = max(report.errors, key=lambda key: report.errors[key])
    sys.stdout.write(
        f"{manifest.name} {manifest.version}: {manifest.parameters:,} parameters, {size:.1f} MB in "
        f"{report.bundle.folder}\nlargest difference from PyTorch: {report.errors[worst]:.2g} ({worst})\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
