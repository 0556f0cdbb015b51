"""Follow several targets in one video with one engine, and count how long each was in view.

    python examples/several_targets.py drive.mp4 "red car" "blue car" --csv tracks.csv

Needs: pip install "edgetrack[video]"
"""

import argparse
import csv
from collections import Counter, defaultdict
from pathlib import Path

import edgetrack


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("video")
    parser.add_argument("texts", nargs="+", metavar="text")
    parser.add_argument("--csv", type=Path, default=Path("tracks.csv"))
    arguments = parser.parse_args()

    statuses: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with (
        edgetrack.open_source(arguments.video) as source,
        edgetrack.MultiTracker() as tracker,
        arguments.csv.open("w", newline="") as file,
    ):
        for text in arguments.texts:
            tracker.add(text)  # a target's name is its text, unless name=... is given
        rows = csv.writer(file)
        rows.writerow(["frame", "time_s", "name", "status", "score", "x", "y", "w", "h"])
        for frame in source:
            for name, track in tracker.update(frame).items():
                statuses[name][track.status] += 1
                box = track.box or ("", "", "", "")
                rows.writerow([frame.index, frame.time_s, name, track.status, track.score, *box])
            for name, error in tracker.failed.items():  # a failed target does not affect the others
                print(f"frame {frame.index}: {name}: {error}")

    for name, counts in statuses.items():
        print(f"{name}: " + ", ".join(f"{status} in {n} frames" for status, n in counts.most_common()))


if __name__ == "__main__":
    try:
        main()
    except edgetrack.EdgetrackError as error:
        raise SystemExit(f"error: {error}") from error
