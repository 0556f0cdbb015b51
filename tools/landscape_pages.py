"""The pages of the map: the whole of docs/landscape/methods.md, and the tables between markers in index.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from landscape import COMMAND, GROUPS, MEASURES, Figure, Landscape, Method, Source

BLOCK = re.compile(r"(<!-- landscape: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
NONE = ""
SMALL_M = 20.0  # million parameters, the budget of the first question

ACCURACY = {
    "edgetrack": ("devset", "devset_text", "corrupted"),
    "box": ("lasot", "got10k", "tnl2k"),
    "efficient": ("lasot", "got10k", "got10k_val"),
    "language": ("lasot", "tnl2k", "tnl2k_text", "otb99"),
    "rgb-x": ("lasher", "rgbt234", "lasot", "got10k", "tnl2k", "otb99"),
    "masks": ("davis17", "lasot"),
    "open-vocabulary": (),
}

HEAD = f"""# Methods

Generated from [methods.toml](methods.toml) by `{COMMAND}`; [the field](index.md) draws the conclusions. Every
number links to its source. An empty cell means that we did not look the number up, not that nobody has measured it.
Numbers from different sources differ in training data, hardware and protocol: compare within a source first.

LaSOT, TNL2K, OTB99, LasHeR and RGBT234: success AUC in percent. GOT-10k: average overlap in percent, on the test set.
DAVIS 2017: J&F on the validation set. Operations are in 10⁹ as the source counts them (most count multiply-adds).
Trackers by box and text get both on TNL2K; "by text" means the sentence alone. "23 sequences" is the success AUC in
[this report](../../benchmarks/results/devset.md), and "corrupted" its mean over [twenty corruptions](../robustness.md).

"""


def pages(landscape: Landscape, folder: Path) -> dict[Path, str]:
    """Return the text of each page by path; index.md must exist, and its text outside the markers is kept."""
    index = folder / "index.md"
    text = BLOCK.sub(
        lambda match: match[1] + BLOCKS[match[2]](landscape) + match[4], index.read_text(encoding="utf-8")
    )
    return {folder / "methods.md": methods_page(landscape), index: _with_links(text, landscape)}


def methods_page(landscape: Landscape) -> str:
    """Return a page of all methods by group, newest first, and the sources."""
    page = HEAD
    for group, title in GROUPS.items():
        members = [method for method in landscape.methods if method.group == group]
        members.sort(key=lambda method: (-method.year, method.name.lower()))
        page += f"## {title}\n\n{_group(members, ACCURACY[group], landscape)}\n"
    page += "## Sources\n\n"
    for source in sorted(landscape.sources.values(), key=lambda source: source.title.lower()):
        page += f"- [{source.title}]({_address(source)})\n"
    return page + _definitions(landscape, landscape.sources)


def _group(members: list[Method], measures: tuple[str, ...], landscape: Landscape) -> str:
    """Return a table; facts that all methods share are above it, and empty columns are omitted."""
    columns: dict[str, list[str]] = {"method": [_name(method) for method in members]}
    columns["year"] = [str(method.year) for method in members]
    columns["given"] = [", ".join(method.given) for method in members]
    columns["input"] = [", ".join(method.modality) for method in members]
    for measure in (*measures, "parameters_m", "flops_g"):
        columns[MEASURES[measure].head] = [_cell(method.of(measure), landscape) for method in members]
    columns["speed"] = [_cell(method.of("fps", "ms"), landscape) for method in members]
    columns["distilled from"] = [method.distilled for method in members]
    columns["license"] = [method.license for method in members]
    shared = {head: columns.pop(head)[0] for head in ("given", "input") if len(set(columns[head])) == 1}
    columns = {head: cells for head, cells in columns.items() if any(cells)}
    said = "".join(f"{head.capitalize()}: {cell}. " for head, cell in shared.items()).strip()
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return (f"{said}\n\n" if said else "") + table(list(columns), rows)


def _name(method: Method) -> str:
    return f"[{method.name}]({method.code})" if method.code else method.name


def _cell(figures: Iterable[Figure], landscape: Landscape) -> str:
    return "<br>".join(_linked(figure, landscape) for figure in figures)


def _linked(figure: Figure, landscape: Landscape) -> str:
    """Return the number as a link to its source; a speed has unit and device, whose name has no line break."""
    measure = MEASURES[figure.of]
    value = f"{figure.value:.1f}" if measure.most == 100 else f"{figure.value:.4g}"
    if figure.device:
        value += f"&nbsp;{measure.head}"
    address = landscape.sources[figure.source].address
    link = f"[{value}][{figure.source}]" if "://" in address else f"[{value}]({_relative(address)})"
    name, comma, rest = figure.device.partition(",")
    return f"{link},&nbsp;{name.replace(' ', '&nbsp;')}{comma}{rest}" if name else link


def _address(source: Source) -> str:
    return source.address if "://" in source.address else _relative(source.address)


def _relative(path: str) -> str:
    """Return a path in the repository, relative to docs/landscape/."""
    return f"../{path.removeprefix('docs/')}" if path.startswith("docs/") else f"../../{path}"


def _definitions(landscape: Landscape, keys: Iterable[str]) -> str:
    found = [(key, landscape.sources[key].address) for key in sorted(keys)]
    return "\n" + "".join(f"[{key}]: {address}\n" for key, address in found if "://" in address)


def _with_links(text: str, landscape: Landscape) -> str:
    """Append the addresses of the sources that a page refers to."""
    body = re.sub(r"\n*(\n\[\w+\]: \S+)*\n*$", "\n", text)
    return body + _definitions(landscape, set(re.findall(r"\]\[(\w+)\]", body)))


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    return "".join(f"| {' | '.join(line)} |\n" for line in [head, ["---"] * len(head), *rows])


def counts(landscape: Landscape) -> str:
    """Return the counts of methods, numbers and sources as text."""
    numbers = sum(len(method.figures) for method in landscape.methods)
    others = sum(method.group != "edgetrack" for method in landscape.methods)
    return f"{others} methods, {numbers} numbers, {len(landscape.sources)} pages as sources.\n"


def small(landscape: Landscape) -> str:
    """Return a table of methods with at most 20 M parameters, smallest first."""
    found = [(m.of("parameters_m")[0], m) for m in landscape.methods if m.of("parameters_m")]
    found = sorted((pair for pair in found if pair[0].value <= SMALL_M), key=lambda pair: pair[0].value)
    measures = ("lasot", "got10k", "got10k_val", "tnl2k", "davis17", "devset")
    rows = [
        [_name(method), ", ".join(method.given), _linked(size, landscape)]
        + [_cell(method.of(measure), landscape) for measure in measures]
        for size, method in found
    ]
    heads = [MEASURES[measure].head for measure in measures]
    return table(["method", "given", "M parameters", *heads], rows)


def distilled(landscape: Landscape) -> str:
    """Return a table of students, with the fraction of the teacher's LaSOT accuracy if both are known."""
    by_name = {method.name: method for method in landscape.methods}
    rows = []
    for method in landscape.methods:
        if not method.distilled:
            continue
        teacher = by_name.get(method.distilled)
        pair = [method.of("lasot"), teacher.of("lasot") if teacher else []]
        share = f"{pair[0][0].value / pair[1][0].value:.0%}" if all(pair) else NONE
        cells = [_cell(figures, landscape) for figures in pair]
        rows.append([_name(method), method.distilled, *cells, share])
    return table(["student", "distilled from", "LaSOT", "LaSOT of the teacher", "kept"], rows)


def own(landscape: Landscape) -> str:
    """Return a table of our own measurements, on the same sequences and the same two cores."""
    rows = []
    for method in landscape.methods:
        if method.of("devset"):
            cells = [_cell(method.of(measure), landscape) for measure in ("devset", "corrupted", "ms")]
            rows.append([_name(method), *cells])
    return table(["method", "AUC", "AUC, mean of twenty corruptions", "one update"], rows)


BLOCKS: dict[str, Callable[[Landscape], str]] = {
    "counts": counts,
    "small": small,
    "distilled": distilled,
    "own": own,
}
