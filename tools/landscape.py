"""Generate the map of the field: pages and a chart in docs/landscape/ from the file docs/landscape/methods.toml.

python tools/landscape.py [--check]

The pages must equal the output of this command (tests/docs/test_landscape.py); ``--check`` only checks that.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "landscape"
COMMAND = "python tools/landscape.py"

GROUPS = {
    "edgetrack": "edgetrack",
    "box": "By box",
    "efficient": "By box, made for small devices",
    "language": "By box and text",
    "rgb-x": "With depth, thermal, event or several kinds of input",
    "masks": "Video object segmentation",
    "open-vocabulary": "Detection by text, without a track",
}
GIVEN = ("box", "text", "mask", "points")
MODALITIES = ("RGB", "language", "depth", "thermal", "event")


@dataclass(frozen=True, slots=True)
class Measure:
    """A kind of number: its column heading, and its plausible range."""

    head: str
    least: float
    most: float
    needs_device: bool = False


MEASURES = {
    "lasot": Measure("LaSOT", 0, 100),  # success AUC in percent, like the others
    "tnl2k": Measure("TNL2K", 0, 100),
    "tnl2k_text": Measure("TNL2K by text", 0, 100),
    "got10k": Measure("GOT-10k", 0, 100),  # AO on the test set
    "got10k_val": Measure("GOT-10k val", 0, 100),
    "otb99": Measure("OTB99", 0, 100),
    "davis17": Measure("DAVIS 2017", 0, 100),  # J&F on the validation set
    "lasher": Measure("LasHeR", 0, 100),
    "rgbt234": Measure("RGBT234", 0, 100),
    "devset": Measure("23 sequences", 0, 100),
    "devset_text": Measure("23 sequences by text", 0, 100),
    "corrupted": Measure("corrupted", 0, 100),
    "parameters_m": Measure("M parameters", 0.01, 3000),
    "flops_g": Measure("G operations", 0.01, 3000),
    "fps": Measure("fps", 0.1, 5000, needs_device=True),
    "ms": Measure("ms", 0.1, 5000, needs_device=True),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A reported number: ``of`` is a key of `MEASURES`, ``source`` a key of the sources."""

    of: str
    value: float
    source: str
    device: str


@dataclass(frozen=True, slots=True)
class Source:
    """A page: its address, or a path in this repository."""

    title: str
    address: str


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the map; fields without a known value are empty."""

    name: str
    group: str
    year: int
    given: tuple[str, ...]
    modality: tuple[str, ...]
    code: str
    license: str
    distilled: str  # name of the teacher; empty: not distilled, or not known
    figures: tuple[Figure, ...]

    def of(self, *measures: str) -> list[Figure]:
        """Return its numbers for these measures, in the order of the file."""
        return [figure for figure in self.figures if figure.of in measures]


@dataclass(frozen=True, slots=True)
class Landscape:
    """All methods, and the sources of their numbers."""

    methods: tuple[Method, ...]
    sources: Mapping[str, Source]


def load(path: Path = FOLDER / "methods.toml") -> Landscape:
    """Read the file.

    Raises:
        SystemExit: The file has an invalid value; the message names the method and the value.
    """
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    sources = {key: Source(**entry) for key, entry in content["sources"].items()}
    methods = tuple(_method(entry, sources) for entry in content["methods"])
    names = [method.name for method in methods]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SystemExit(f"{path.name} has {sorted(twice)} more than once; expected each method once")
    return Landscape(methods, sources)


def _method(entry: Mapping[str, Any], sources: Mapping[str, Source]) -> Method:
    name = entry["name"]
    for field, known in (("group", GROUPS), ("given", GIVEN), ("modality", MODALITIES)):
        values = [entry[field]] if isinstance(entry[field], str) else entry[field]
        if unknown := set(values) - set(known):
            raise SystemExit(f"{name}: {field} is {sorted(unknown)}; expected some of {sorted(known)}")
    return Method(
        name,
        entry["group"],
        entry["year"],
        tuple(entry["given"]),
        tuple(entry["modality"]),
        entry.get("code", ""),
        entry.get("license", ""),
        entry.get("distilled", ""),
        tuple(_figure(name, figure, sources) for figure in entry.get("figures", [])),
    )


def _figure(name: str, entry: Mapping[str, Any], sources: Mapping[str, Source]) -> Figure:
    figure = Figure(entry["of"], float(entry["value"]), entry.get("source", ""), entry.get("device", ""))
    if figure.source not in sources:
        raise SystemExit(
            f"{name}: {figure.of} = {figure.value:g} has the source {figure.source!r}; expected a key of [sources]"
        )
    if (measure := MEASURES.get(figure.of)) is None:
        raise SystemExit(f"{name}: a number of {figure.of!r}; expected one of {sorted(MEASURES)}")
    if not measure.least <= figure.value <= measure.most:
        raise SystemExit(
            f"{name}: {figure.of} = {figure.value:g}; expected {measure.least:g} to {measure.most:g}"
        )
    if measure.needs_device != bool(figure.device):
        raise SystemExit(
            f"{name}: {figure.of} with device {figure.device!r}; a speed has one, no other number"
        )
    return figure


def main() -> None:
    """Write the pages and the chart, or check the pages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is out of date")
    args = parser.parse_args()
    from landscape_chart import is_current, write
    from landscape_pages import pages

    landscape = load()
    stale = [path for path, text in pages(landscape, FOLDER).items() if not _equals(path, text)]
    chart = FOLDER / "efficiency.svg"
    if args.check:
        stale += [] if is_current(chart, landscape) else [chart]
        if stale:
            raise SystemExit(f"out of date: {', '.join(path.name for path in stale)}; run: {COMMAND}")
        return
    for path, text in pages(landscape, FOLDER).items():
        path.write_text(text, encoding="utf-8")
    write(chart, landscape)
    print(f"{len(landscape.methods)} methods; written: {FOLDER.relative_to(ROOT)}")


def _equals(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    main()
