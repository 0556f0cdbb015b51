"""Metrics of one-pass evaluation. Boxes are float64 (N, 4) xywh in pixels; a row of NaN means "no box".

Success and its AUC: Wu et al., OTB, TPAMI 2015. Normalized precision: Müller et al., TrackingNet, ECCV 2018.
AO and SR: Huang et al., GOT-10k, TPAMI 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgetrack.errors import ConfigError
from edgetrack.evaluation.types import Bools, Floats

Protocol = Literal["strict", "official"]

SUCCESS_AT = np.arange(21) / 20  # IoU
PRECISION_AT = np.arange(51.0)  # pixels
NORM_PRECISION_AT = np.arange(51) / 100  # fractions of the target's width and height


@dataclass(frozen=True, slots=True)
class OnePassMetrics:
    """Metrics of one sequence, each 0..1."""

    auc: float  # mean of the success rates at the 21 thresholds
    ao: float  # mean IoU
    os50: float  # fraction of frames with IoU > 0.5; GOT-10k calls it SR
    os75: float
    precision20: float  # fraction of frames with a center error of at most 20 px
    norm_precision20: float  # the same with at most 0.2 of the target's size


@dataclass(frozen=True, slots=True)
class Curves:
    """Fractions of frames at each threshold."""

    success: Floats  # (21,)
    precision: Floats  # (51,)
    norm_precision: Floats  # (51,)


def overlap(predicted: Floats, truth: Floats) -> Floats:
    """Return the IoU (N,), row by row; 0 if either row has a NaN or an empty box.

    Raises:
        ConfigError: the arrays are not (N, 4) with the same N.
    """
    predicted, truth = _checked(predicted, truth)
    low = np.maximum(predicted[:, :2], truth[:, :2])
    high = np.minimum(predicted[:, :2] + predicted[:, 2:], truth[:, :2] + truth[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    union = predicted[:, 2:].prod(1) + truth[:, 2:].prod(1) - common
    good = exists(predicted) & exists(truth)
    result: Floats = np.divide(common, union, out=np.zeros(len(truth)), where=good)
    return result


def center_error(predicted: Floats, truth: Floats, *, normalized: bool = False) -> Floats:
    """Return the distance of the centers (N,) in pixels, or in fractions of the true size; inf without a box."""
    predicted, truth = _checked(predicted, truth)
    offset = (predicted[:, :2] + predicted[:, 2:] / 2) - (truth[:, :2] + truth[:, 2:] / 2)
    good = exists(predicted) & exists(truth)
    if normalized:
        offset = np.divide(offset, truth[:, 2:], out=np.zeros_like(offset), where=good[:, None])
    return np.where(good, np.linalg.norm(offset, axis=1), np.inf)


def success_curve(iou: Floats) -> Floats:
    """Return the fraction of frames with IoU strictly above each of the 21 thresholds."""
    return _fraction(iou[:, None] > SUCCESS_AT)


def curves(predicted: Floats, truth: Floats, frames: Bools) -> Curves:
    """Return the three curves over the chosen ``frames`` (N,)."""
    return Curves(
        success=success_curve(overlap(predicted, truth)[frames]),
        precision=_fraction(center_error(predicted, truth)[frames, None] <= PRECISION_AT),
        norm_precision=_fraction(
            center_error(predicted, truth, normalized=True)[frames, None] <= NORM_PRECISION_AT
        ),
    )


def exists(boxes: Floats) -> Bools:
    """Return which rows (N,) are a box: four finite numbers, width and height positive."""
    good = np.isfinite(boxes).all(1) & (np.nan_to_num(boxes[:, 2:]) > 0).all(1)
    return np.asarray(good, np.bool_)


def counted(truth: Floats, *, protocol: Protocol = "strict") -> Bools:
    """Return which frames (N,) are scored.

    ``strict``: all frames except frame 1, which was given, and those without the target. ``official``: all frames,
    as in the toolkits of OTB, LaSOT and TNL2K, where a frame without the target is a miss for any output.
    """
    if protocol == "official":
        return np.ones(len(truth), bool)
    mask: Bools = exists(truth)
    mask[:1] = False
    return mask


def official_boxes(predicted: Floats, truth: Floats) -> Floats:
    """Return the boxes as the official scripts score them: the true box on frame 1; missing ones repeat the last."""
    boxes = predicted.copy()
    boxes[0] = truth[0]
    good = exists(boxes)
    good[0] = True
    latest = np.maximum.accumulate(np.where(good, np.arange(len(boxes)), 0))
    return np.asarray(boxes[latest], np.float64)


def one_pass_metrics(
    predicted: Floats, truth: Floats, *, protocol: Protocol = "strict", only: Bools | None = None
) -> OnePassMetrics:
    """Score one sequence; a frame without a predicted box counts as IoU 0.

    Args:
        predicted: (N, 4).
        truth: (N, 4); NaN if the target is absent.
        protocol: see `counted` and `official_boxes`.
        only: (N,), whether each frame can be scored; default: all.

    Raises:
        ConfigError: the shapes differ, or there is no frame to score.
    """
    predicted, truth = _checked(predicted, truth)
    mask = counted(truth, protocol=protocol) & (True if only is None else only)
    if not mask.any():
        raise ConfigError(
            f"the target is in none of the {len(truth)} frames after frame 1, so nothing can be scored"
        )
    boxes = official_boxes(predicted, truth) if protocol == "official" else predicted
    iou = overlap(boxes, truth)[mask]
    if protocol == "official":
        iou[~exists(truth)[mask]] = -1.0  # so that a frame without the target also misses the threshold 0
    return OnePassMetrics(
        auc=float(success_curve(iou).mean()),
        ao=float(np.clip(iou, 0, None).mean()),
        os50=float((iou > 0.5).mean()),
        os75=float((iou > 0.75).mean()),
        precision20=float((center_error(boxes, truth)[mask] <= 20).mean()),
        norm_precision20=float((center_error(boxes, truth, normalized=True)[mask] <= 0.2).mean()),
    )


@dataclass(frozen=True, slots=True)
class EitherTruth:
    """Metrics of sequences with labeled boxes in both images of a pair: the better one counts in each frame."""

    msr: float  # success AUC
    mpr20: float  # fraction of frames with centers at most 20 px apart (RGBT234)
    mpr5: float  # the same at 5 px (GTOT)


def either_truth(predicted: Floats, truths: tuple[Floats, Floats]) -> EitherTruth:
    """Score one sequence by the better of two true boxes (N, 4) in each frame (Li et al., RGBT234, section 4.2).

    As in `one_pass_metrics`, frame 1 and frames in which either true box is missing are left out.
    """
    frames = counted(truths[0]) | counted(truths[1])
    iou = np.maximum(*(overlap(predicted, truth) for truth in truths))[frames]
    error = np.minimum(*(center_error(predicted, truth) for truth in truths))[frames]
    return EitherTruth(
        float(success_curve(iou).mean()), float((error <= 20).mean()), float((error <= 5).mean())
    )


def grounding_accuracy(first_iou: Floats) -> float:
    """Return the fraction of sequences or expressions whose IoU on frame 1 is at least 0.5 (acc@0.5 of RefCOCO)."""
    return float((first_iou >= 0.5).mean()) if len(first_iou) else float("nan")


def _checked(predicted: Floats, truth: Floats) -> tuple[Floats, Floats]:
    a, b = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != 4:
        raise ConfigError(
            f"predicted boxes have shape {a.shape} and true boxes {b.shape}; expected (frames, 4) for both, "
            "xywh"
        )
    return a, b


def _fraction(hits: Bools) -> Floats:
    fraction: Floats = hits.mean(0) if len(hits) else np.full(hits.shape[1], np.nan)
    return fraction
