"""Calibrate the listener's logits on images that are held out from training.

Scale and shift are fitted such that the sigmoid is the fraction of correct boxes (Platt, 1999). The threshold is the
lowest score that at most 5 % of the phrases about absent objects reach.
``python -m edgetrack.training.grounder.calibration RECIPE.toml`` writes both into OUTPUT/last.pt, from which
``edgetrack export --grounder`` reads them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgetrack.network.candidates import ClassCheck
from edgetrack.network.grounder import Grounder
from edgetrack.network.text import TextEncoder
from edgetrack.training import checkpoint
from edgetrack.training.command_line import arguments
from edgetrack.training.grounder.cache import Cache, read_annotations
from edgetrack.training.grounder.class_check import class_scores, class_words
from edgetrack.training.grounder.records import load
from edgetrack.training.grounder.sampler import Batch, Sampler, Source
from edgetrack.training.grounder.train import Recipe, answers, built, means
from edgetrack.training.recipe_file import read_recipe

_BATCHES = 60
_STEPS = 60  # at most, of Newton's method; it converges after about ten
FALSE_ALARMS = 0.05  # fraction of phrases about absent objects that may reach the threshold
_LEAST, _MOST = 0.5, 0.9  # range of the threshold


@dataclass(frozen=True, eq=False, slots=True)
class Answers:
    """The best candidate of each question."""

    logits: NDArray[np.float64]
    right: NDArray[np.bool_]  # whether it is the object that the phrase means
    absent: dict[str, NDArray[np.float64]]  # logits of questions that mean no object, by kind of question


@torch.no_grad()
def best_answers(
    net: Grounder,
    batches: list[Batch],
    text: TextEncoder,
    calibration: tuple[float, float] = (1.0, 0.0),
    check: ClassCheck | None = None,
) -> Answers:
    """Answer the questions of the batches; logits are scaled and shifted, then corrected by the check, if given."""
    logits: list[float] = []
    right: list[bool] = []
    absent: dict[str, list[float]] = defaultdict(list)
    for batch in batches:
        answered = answers(net, batch, text)[0].double() * calibration[0] + calibration[1]
        if check is not None:
            classes = torch.from_numpy(batch.logits)[torch.from_numpy(batch.of)]
            score = answered.sigmoid() * torch.from_numpy(batch.valid)[torch.from_numpy(batch.of)]
            known = check(means(*text.encode(batch.nouns)), classes, score)
            answered = known.clamp(1e-6, 1 - 1e-6).logit()
        for row, meant, vague, kind in zip(
            answered.numpy(), batch.meant, batch.vague, batch.kinds, strict=True
        ):
            best = int(np.where(meant < 0, -1e9, row).argmax())
            if vague > 0.5 and (meant > 0).any():  # it is unknown which of several candidates is right
                continue
            logits.append(float(row[best]))
            right.append(bool(meant[best] > 0))
            if not (meant > 0).any():
                absent[kind].append(float(row[best]))
    return Answers(np.array(logits), np.array(right), {k: np.array(v) for k, v in absent.items()})


def threshold(absent: dict[str, NDArray[np.float64]], scale: float, shift: float) -> float:
    """Return the threshold, in steps of 0.01.

    It is the lowest score that at most `FALSE_ALARMS` of the absent objects reach; all kinds have the same weight.
    """
    for percent in range(round(100 * _LEAST), round(100 * _MOST)):
        needed = (np.log(percent / (100 - percent)) - shift) / scale
        if np.mean([(values >= needed).mean() for values in absent.values()]) <= FALSE_ALARMS:
            return percent / 100
    return _MOST


def fitted(logits: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, ...]:
    """Fit a logistic regression of ``right`` on ``logits`` (N,) or (N, C) by Newton's method; return scales and shift.

    Target values are smoothed as in Platt (1999), so that the fit also converges for separable data.
    """
    count = right.sum()
    target = np.where(right, (count + 1) / (count + 2), 1 / (len(right) - count + 2))
    rows = np.column_stack((logits, np.ones(len(logits))))
    first = np.eye(rows.shape[1])[0]
    weights = first
    for _ in range(_STEPS):
        share = 1 / (1 + np.exp(-(rows @ weights).clip(-40, 40)))
        slope = rows.T @ (share - target) + 1e-3 * (weights - first)
        curve = (rows * (share * (1 - share))[:, None]).T @ rows + 1e-3 * np.eye(len(first))
        step = np.linalg.solve(curve, slope)
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    return tuple(map(float, weights))


def checked(sources: list[Source], cache: Path, teachers: Path, text: TextEncoder) -> dict[str, Any]:
    """Fit the check of the detector's classes; return the arguments of `ClassCheck`."""
    logits, right = [], []
    for source in sources:
        records = [r for r in load(source.folder, cache, teachers) if r.complete]
        if records:
            name, count = source.folder.name, len(read_annotations(source.folder))
            found = class_scores(records, Cache(cache, name, 0, count))
            logits.append(found[0])
            right.append(found[1])
    both, shows = np.concatenate(logits), np.concatenate(right)
    scale, shift = fitted(both[:, 0], shows)
    return {**class_words(text), "scale": scale, "shift": shift, "rival": fitted(both, shows)}


def main() -> None:
    recipe = read_recipe(Recipe, arguments(__doc__, recipe=Path).recipe)
    torch.set_num_threads(recipe.threads)
    path = Path(recipe.output) / "last.pt"
    state = checkpoint.load(path, ("model", "live", "optimizer", "step", "seconds", "detector"))
    text = TextEncoder.load(recipe.text)
    net = built(recipe, text)[0].eval()
    net.load_state_dict(state["model"])
    sources = [Source(Path(f), w) for f, w in recipe.sources]
    held = Sampler(sources, Path(recipe.cache), Path(recipe.teachers), 6, validation=True)
    batches = [held.batch(recipe.scenes, recipe.questions) for _ in range(_BATCHES)]
    found = best_answers(net, batches, text)
    scale, shift = fitted(found.logits, found.right)
    check = checked(sources, Path(recipe.cache), Path(recipe.teachers), text)
    seen = best_answers(net, batches, text, (scale, shift), ClassCheck(**check))
    least = threshold(seen.absent, 1.0, 0.0)
    thresholds = {"text_detect_threshold": least}
    extra = {"calibration": (scale, shift), "check": check, "thresholds": thresholds}
    checkpoint.save(path, {**state, **extra})
    print(
        f"{len(found.right)} answers, {found.right.mean():.1%} right: scale {scale:.3f}, shift {shift:.3f}; classes: "
        f"scale {check['scale']:.3f}, shift {check['shift']:.3f}, with the other classes "
        f"{', '.join(f'{value:.3f}' for value in check['rival'])}; threshold {least:.2f}"
    )


if __name__ == "__main__":
    main()
