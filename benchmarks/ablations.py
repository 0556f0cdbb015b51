"""Ablations: measure the contribution of each part of the network by removing it from a trained checkpoint.

python benchmarks/ablations.py CHECKPOINT --text runs/text DATASET PATH [--json OUT.json]

The network is not retrained. Success AUC by box is that of ``edgetrack eval``; milliseconds are those of the search
graph, measured in alternation with the whole network. A part that the other weights have come to depend on costs more
here than it would after training without it, so the results are upper bounds. Use an idle machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from common import machine
from precisions import compare

from edgetrack.bundle import Bundle
from edgetrack.engines import open_engine
from edgetrack.export.pipeline import ExportConfig, export

State = dict[str, Any]


def keep(tokens: int) -> Callable[[State], None]:
    """Make the selection keep the ``tokens`` most similar tokens."""

    def change(state: State) -> None:
        state["config"] = {**state["config"], "keep": tokens}

    return change


def without(*weights: str) -> Callable[[State], None]:
    """Set weights to zero, which removes the residual branch that ends with them."""

    def change(state: State) -> None:
        for name in weights:
            state["model"][name] = torch.zeros_like(state["model"][name])

    return change


def threshold(name: str, value: float) -> Callable[[State], None]:
    """Change a threshold of the state machine."""

    def change(state: State) -> None:
        state["thresholds"] = {**state.get("thresholds", {}), name: value}

    return change


CHANGES: dict[str, Callable[[State], None]] = {
    "the whole": lambda state: None,
    "all tokens selected": keep(10**6),
    "192 tokens selected": keep(192),
    "96 tokens selected": keep(96),
    "64 tokens selected": keep(64),
    "32 tokens selected": keep(32),
    "no channel self-attention": without("channels.out.weight", "channels.out.bias"),
    "no prompts": without("contrast.weight"),
    "prompts never refreshed": threshold("template_update_interval", 0.0),
    "template blended": threshold("template_blend", 0.3),
    "no pixel-wise correlation": without("correlation.weight", "correlation.bias"),
}


def success_auc(bundle: Path, data: list[str], threads: int, folder: Path) -> float:
    """Return the success AUC by box, as reported by ``edgetrack eval``."""
    command = [sys.executable, "-m", "edgetrack", "eval", *data, "--mode", "bbox"]
    command += ["--model", str(bundle), "--threads", str(threads), "-o", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    report = json.loads((folder / "report.json").read_text())
    return float(report["runs"][0]["ope"]["auc"])


def search_ms(whole: Bundle, other: Bundle, threads: int) -> tuple[float, float]:
    """Return the median times of both search graphs, which run in alternation."""
    first, second = (open_engine(b, engine="ort", precision="fp32", threads=threads) for b in (whole, other))
    row = compare(first, second, "search", rounds=200)
    return float(row["ort_fp32_ms"]), float(row["ms"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("data", nargs=2, metavar=("DATASET", "PATH"))
    parser.add_argument("--text", type=Path, default=Path("runs/text"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    print(machine())
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for i, (name, change) in enumerate(CHANGES.items()):
            folder = Path(temporary) / str(i)
            state = torch.load(args.checkpoint, weights_only=True)
            change(state)
            torch.save(state, folder.with_suffix(".pt"))
            export(ExportConfig(folder.with_suffix(".pt"), folder, text=args.text))
            auc = success_auc(folder, args.data, args.threads, folder.with_suffix(".eval"))
            whole, ms = search_ms(
                Bundle.open(Path(temporary) / "0"), Bundle.open(folder), threads=args.threads
            )
            rows.append({"change": name, "auc": auc, "ms": ms, "whole_ms": whole})
            print(f"{name:28} AUC {auc:.3f}   {ms:6.2f} ms beside {whole:6.2f} ms", flush=True)
    if args.json:
        args.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
