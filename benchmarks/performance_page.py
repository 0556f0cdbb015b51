"""Write docs/performance.md and its plots from the JSON of performance.py."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgetrack._imports import require

# Okabe and Ito, "Color universal design", 2008.
COLORS = {"following": "#0072b2", "searching": "#d55e00"}
DASHES = {1: "--", 2: "-"}
COMMAND = "python benchmarks/performance.py --write-docs"
PLOTS = "benchmarks/results"
Row = dict[str, Any]

HEAD = f"""# Performance

The time of an update by frame size, number of targets and number of threads, and how close the networks come to the
limits of the hardware. One command, run on an idle machine, writes this page:

```bash
{COMMAND}
```

"""
ABSENT = "**Not measured yet**: run the command above.\n"
TARGETS = """All targets share one engine and one set of weights. Tracked targets run in batches if the bundle
has a graph for the batch size ([sequential and batched runs compared](../benchmarks/results/batching.md)).
Objects of a query cost less, because only full-frame searches find them
([the cost of every](../benchmarks/results/every.md)).

"""
ROOFLINE = """## Roofline

In the roofline model (Williams, Waterman and Patterson, 2009), W operations on Q bytes take at least W / peak or Q /
bandwidth, whichever is longer. W counts the convolutions and matrix products of the float32 graph. Q counts its
weights, inputs and outputs once, assuming that everything else stays in the cache. The peak is measured with a large
float32 matrix product and the bandwidth with a large copy (reads and writes), in the same run with the same threads.

"""


def write(result: Row, root: Path) -> list[Path]:
    """Write the page and the plots; return their paths."""
    page = root / "docs" / "performance.md"
    page.write_text(page_of(result))
    return [page, *plots(result, root / PLOTS)]


def page_of(result: Row | None) -> str:
    """Return the page; without a result, it says what to run."""
    if result is None:
        return HEAD + ABSENT
    facts = result["machine"]
    said = ", ".join(
        f"{name} {facts[name]}" for name in ("processor", "cores", "onnxruntime") if name in facts
    )
    page = HEAD + f"{said}; model {result['model']} in {result['precision']}, ONNX Runtime; load average "
    page += f"{result['load']:.1f} at the start. Medians of {result['updates']} updates, in milliseconds. "
    page += f"Measured on {result['date']}.\n"
    if note := result.get("note"):
        page += f"\n{note}\n"
    page += (
        "\n## Frame size\n\n" + sizes(result["runs"]) + _picture("size", "Milliseconds against frame size")
    )
    page += "\n## Number of targets\n\n" + TARGETS
    page += many(result["runs"]) + _picture("targets", "Milliseconds against the number of targets")
    return page + "\n" + ROOFLINE + roofline(result["roofline"]) + _picture("roofline", "The roofline")


def sizes(runs: list[Row]) -> str:
    """Return the table by frame size."""
    rows = []
    for run in _one(runs):
        parts = [f"{run[f'{part}_ms']:.2f}" for part in ("crop", "network", "other", "total")]
        rows.append([run["state"], str(run["threads"]), f"{run['width']}x{run['height']}", *parts])
    return _table(["state", "threads", "frame", "crop", "network", "other", "total"], rows)


def many(runs: list[Row]) -> str:
    """Return the table by number of targets."""
    rows = []
    for run in _counted(runs):
        whole = run["total_ms"]
        rows.append(
            [
                run["state"],
                str(run["threads"]),
                str(run["targets"]),
                f"{whole:.2f}",
                f"{whole / run['targets']:.2f}",
            ]
        )
    return _table(["state", "threads", "targets", "frame", "per target"], rows)


def roofline(peaks: list[Row]) -> str:
    """Return the table of the networks."""
    rows = []
    for peak in peaks:
        for graph in peak["graphs"]:
            rows.append(
                [
                    graph["graph"],
                    str(peak["threads"]),
                    f"{graph['operations'] / 1e9:.2f}",
                    f"{graph['least_bytes'] / 1e6:.1f}",
                    f"{graph['most_bytes'] / 1e6:.1f}",
                    f"{peak['gflops']:.0f}",
                    f"{peak['gbytes']:.1f}",
                    f"{graph['ms']:.2f}",
                    f"{graph['least_ms']:.2f}",
                    f"{graph['share']:.0%}",
                ]
            )
    head = ["graph", "threads", "G operations", "MB at least", "MB uncached", "peak GFLOP/s", "GB/s"]
    return _table([*head, "measured ms", "bound ms", "fraction of the bound"], rows)


def plots(result: Row, folder: Path) -> list[Path]:
    """Write three SVG plots and return their paths."""
    plt = require("matplotlib.pyplot", extra="dev")
    plt.rcParams.update({"svg.hashsalt": "edgetrack", "font.size": 9, "axes.spines.top": False})
    plt.rcParams.update({"axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3})
    paths = []
    for name, draw in (("size", _sizes), ("targets", _targets), ("roofline", _roofline)):
        figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
        draw(axes, result)
        axes.legend(frameon=False, fontsize=8)
        paths.append(folder / f"performance-{name}.svg")
        figure.savefig(paths[-1], metadata={"Date": None})
        plt.close(figure)
    return paths


def _sizes(axes: Any, result: Row) -> None:
    for label, state, threads, rows in _series(_one(result["runs"])):
        pixels = [row["width"] * row["height"] / 1e6 for row in rows]
        _line(axes, pixels, [row["total_ms"] for row in rows], label, state, threads)
    axes.set(xscale="log", xlabel="frame", ylabel="ms an update")
    axes.set_xticks(pixels, [f"{row['width']}x{row['height']}" for row in rows])
    axes.set_xticks([], minor=True)
    axes.set_ylim(bottom=0)


def _targets(axes: Any, result: Row) -> None:
    for label, state, threads, rows in _series(_counted(result["runs"])):
        counts = [row["targets"] for row in rows]
        _line(axes, counts, [row["total_ms"] for row in rows], label, state, threads)
    axes.set(xlabel="targets", ylabel="ms a frame", xticks=counts)
    axes.set_ylim(bottom=0)


def _roofline(axes: Any, result: Row) -> None:
    for peak in result["roofline"]:
        ridge, dash = peak["gflops"] / peak["gbytes"], DASHES.get(peak["threads"], ":")
        xs = [ridge / 32, ridge, max(1000, 2 * ridge)]
        roof = [min(peak["gflops"], x * peak["gbytes"]) for x in xs]
        axes.plot(
            xs, roof, color="#555555", linestyle=dash, label=f"this machine, {_threads(peak['threads'])}"
        )
        for graph, state in zip(peak["graphs"], COLORS, strict=False):
            x, y = graph["operations"] / graph["least_bytes"], graph["operations"] / graph["ms"] / 1e6
            filled = COLORS[state] if dash == "-" else "none"
            label = f"{graph['graph']}, {_threads(peak['threads'])}"
            axes.plot([x], [y], "o", color=COLORS[state], markerfacecolor=filled, label=label)
    axes.set(xscale="log", yscale="log", xlabel="operations a byte", ylabel="G operations a second")


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _line(axes: Any, x: list[float], y: list[float], label: str, state: str, threads: int) -> None:
    axes.plot(x, y, "o", linestyle=DASHES.get(threads, ":"), color=COLORS[state], label=label, markersize=4)


def _one(runs: list[Row]) -> list[Row]:
    return [run for run in runs if run["targets"] == 1]


def _counted(runs: list[Row]) -> list[Row]:
    """Return the runs with the frame size for which the number of targets varies."""
    sizes = {(run["width"], run["height"]) for run in runs if run["targets"] > 1}
    return [run for run in runs if (run["width"], run["height"]) in sizes]


def _series(runs: list[Row]) -> Iterable[tuple[str, str, int, list[Row]]]:
    for state, threads in dict.fromkeys((run["state"], run["threads"]) for run in runs):
        rows = [run for run in runs if (run["state"], run["threads"]) == (state, threads)]
        yield f"{state}, {_threads(threads)}", state, threads, rows


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _picture(name: str, words: str) -> str:
    return f"\n![{words}](../{PLOTS}/performance-{name}.svg)\n"
