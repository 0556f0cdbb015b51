"""Measure every graph of a bundle in every engine and precision of this machine, in alternation with ort fp32.

python benchmarks/precisions.py BUNDLE [--threads 2] [--rounds 200] [--json OUT.json]

Inputs are random, because the time of these networks does not depend on their values. Use an idle machine.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from common import random_feeds

from edgetrack.bundle import Bundle
from edgetrack.engines import Engine, open_engine
from edgetrack.errors import EdgetrackError
from edgetrack.export.speed import compare_speed
from edgetrack.reporting.machine import processor

ROLES = ("template", "search", "ground")
CHOICES = [
    *(("ort", "int8"), ("openvino", "fp32"), ("openvino", "bf16"), ("openvino", "int8")),
    *(("ort-cuda", "fp32"), ("ort-cuda", "fp16")),
    *((engine, p) for engine in ("ort-tensorrt", "tensorrt") for p in ("fp32", "fp16", "int8")),
]


def compare(fp32: Engine, other: Engine, role: str, *, rounds: int) -> dict[str, float | str]:
    """Return the median times in milliseconds."""
    feeds = random_feeds(fp32.bundle.manifest.tensors[role].inputs)
    first, second = fp32.graph(role), other.graph(role)
    speed = compare_speed(lambda: first.run(feeds), lambda: second.run(feeds), rounds=rounds)
    return {
        "graph": role,
        "engine": other.name,
        "precision": other.precision,
        "ort_fp32_ms": speed.fp32_ms,
        "ms": speed.other_ms,
        "ratio": speed.ratio,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    bundle = Bundle.open(args.bundle)
    fp32 = open_engine(bundle, engine="ort", precision="fp32", threads=args.threads)
    print(f"{processor()}, {args.threads} threads\n{fp32.info}")
    rows = []
    for engine, precision in CHOICES:
        try:
            other = open_engine(bundle, engine=engine, precision=precision, threads=args.threads)
            other.wait()
        except EdgetrackError as error:
            print(f"{engine} {precision}: {error}")
            continue
        for role in ROLES:
            row = compare(fp32, other, role, rounds=args.rounds)
            rows.append(row)
            print(
                f"{row['graph']:9} {engine:9} {precision:5} {row['ms']:7.2f} ms   ort fp32 {row['ort_fp32_ms']:7.2f} ms"
                f"   {row['ratio']:.2f}x"
            )
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
