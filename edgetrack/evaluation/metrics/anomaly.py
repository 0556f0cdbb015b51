"""Metrics of anomaly detection at the level of frames, regions, tracks and periods, and false alarms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Box

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Segment = tuple[int, int]  # first frame, and one past the last frame

BETA = 0.1  # IoU at which a region counts as detected
ALPHA = 0.1  # fraction of its regions at which a track counts as detected
F1_OVERLAPS = (0.1, 0.25, 0.5)


@dataclass(frozen=True, slots=True)
class ClipResult:
    """The output of one detector on one clip, and the ground truth.

    Attributes:
        name: name of the clip.
        fps: frame rate.
        scores: (N,) score of each frame.
        regions: detected boxes in pixels with their scores, for each frame.
        alarms: first frame of each alarm, and one past its last frame.
        abnormal: (N,) whether each frame is abnormal.
        truth: true boxes in pixels by track number, for each frame; None if regions are not labeled.
    """

    name: str
    fps: float
    scores: Floats
    regions: Sequence[Sequence[tuple[Box, float]]]
    alarms: Sequence[Segment]
    abnormal: Flags
    truth: Sequence[Mapping[int, Box]] | None


@dataclass(frozen=True, slots=True)
class AnomalyMetrics:
    """The metrics of one detector over all clips; NaN if the required labels are missing.

    Attributes:
        auc_micro: area under the ROC curve over all frames together.
        auc_macro: mean over the clips that have both normal and abnormal frames.
        rbdc: region-based detection criterion.
        tbdc: track-based detection criterion.
        f1: F1@k for each of `F1_OVERLAPS`.
        events: number of periods of abnormal frames.
        found: number of events that overlap an alarm.
        false_alarms: number of alarms that overlap no event.
        false_per_hour: false alarms per hour.
        delay_s: median time in seconds from the start of a found event to its first alarm.
    """

    auc_micro: float
    auc_macro: float
    rbdc: float
    tbdc: float
    f1: tuple[float, ...]
    events: int
    found: int
    false_alarms: int
    false_per_hour: float
    delay_s: float


def roc_auc(scores: Floats, abnormal: Flags) -> float:
    """Return the area under the ROC curve: the probability that an abnormal frame scores higher than a normal one.

    Equal scores count half (Mann and Whitney, 1947). NaN if all frames are normal or all abnormal.
    """
    positives, negatives = int(abnormal.sum()), int((~abnormal).sum())
    if not positives or not negatives:
        return math.nan
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((ranks[abnormal].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def region_criteria(clips: Sequence[ClipResult]) -> tuple[float, float]:
    """Return RBDC and TBDC, both 0..1 (Ramachandra and Jones, "Street Scene", WACV 2020).

    A true region is detected if a found region overlaps it with an IoU of at least 0.1. A track is detected if at
    least a tenth of its regions are. A found region is false if it overlaps no true region with that IoU. RBDC and TBDC
    are the areas under the curves of the fraction of detected regions and tracks over the false regions per frame, from
    0 to 1. A curve that ends before 1 is extended with its last value. Clips without labeled regions are left out; NaN
    if there are no others.
    """
    false: list[float] = []
    regions: list[float] = []
    tracks: list[float] = []
    frames = 0
    for clip in clips:
        if clip.truth is None:
            continue
        frames += len(clip.scores)
        by_track: dict[int, list[float]] = {}
        for found, true in zip(clip.regions, clip.truth, strict=True):
            false += _false_scores(found, true)
            for number, box in true.items():
                hits = [score for other, score in found if box.iou(other) >= BETA]
                by_track.setdefault(number, []).append(max(hits, default=-math.inf))
        for scores in by_track.values():
            regions += scores
            # The score threshold at which enough regions of the track are detected.
            tracks.append(sorted(scores, reverse=True)[math.ceil(ALPHA * len(scores)) - 1])
    if not regions:
        return math.nan, math.nan
    return _area(regions, false, frames), _area(tracks, false, frames)


def f1_at(clips: Sequence[ClipResult], overlap: float) -> float:
    """Return F1@k of the alarms, 0..1, as ADNet (Öztürk and Can, 2021) does after Lea et al., 2017.

    An alarm is true if its temporal IoU with the event that it overlaps most is at least k, and no earlier alarm has
    found that event; other alarms are false.
    """
    true = false = missed = 0
    for clip in clips:
        events = segments(clip.abnormal)
        taken: set[int] = set()
        for alarm in clip.alarms:
            overlaps = [_segment_iou(alarm, event) for event in events]
            best = int(np.argmax(overlaps)) if overlaps else -1
            if best >= 0 and overlaps[best] >= overlap and best not in taken:
                taken.add(best)
            else:
                false += 1
        true += len(taken)
        missed += len(events) - len(taken)
    whole = 2 * true + false + missed
    return 2 * true / whole if whole else math.nan


def score_anomalies(clips: Sequence[ClipResult]) -> AnomalyMetrics:
    """Return all metrics of one detector over its clips."""
    scores = np.concatenate([clip.scores for clip in clips])
    abnormal = np.concatenate([clip.abnormal for clip in clips])
    each = [roc_auc(clip.scores, clip.abnormal) for clip in clips]
    both = [value for value in each if not math.isnan(value)]
    rbdc, tbdc = region_criteria(clips)
    events = found = false = 0
    delays: list[float] = []
    for clip in clips:
        marked = segments(clip.abnormal)
        events += len(marked)
        false += sum(not any(_overlap(alarm, event) for event in marked) for alarm in clip.alarms)
        for event in marked:
            if hits := [alarm for alarm in clip.alarms if _overlap(alarm, event)]:
                found += 1
                delays.append(max(min(alarm[0] for alarm in hits) - event[0], 0) / clip.fps)
    hours = sum(len(clip.scores) / clip.fps for clip in clips) / 3600
    return AnomalyMetrics(
        auc_micro=roc_auc(scores, abnormal),
        auc_macro=float(np.mean(both)) if both else math.nan,
        rbdc=rbdc,
        tbdc=tbdc,
        f1=tuple(f1_at(clips, overlap) for overlap in F1_OVERLAPS),
        events=events,
        found=found,
        false_alarms=false,
        false_per_hour=false / hours,
        delay_s=float(np.median(delays)) if delays else math.nan,
    )


def segments(flags: Flags) -> list[Segment]:
    """Return the first frame, and one past the last, of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _false_scores(found: Sequence[tuple[Box, float]], true: Mapping[int, Box]) -> list[float]:
    return [score for box, score in found if not any(box.iou(other) >= BETA for other in true.values())]


def _area(detected: Sequence[float], false: Sequence[float], frames: int) -> float:
    """Return the area under the curve of the detected fraction over false regions per frame, 0 to 1, by trapezoids.

    Args:
        detected: score threshold at which each region or track is detected; minus infinity if it never is.
        false: score of each false region.
        frames: number of frames.
    """
    hits, wrong = np.sort(detected), np.sort(false)
    levels = np.unique(np.concatenate([hits[np.isfinite(hits)], wrong]))[::-1]
    rate = np.array([0.0, *(len(wrong) - np.searchsorted(wrong, levels)) / frames])
    share = np.array([0.0, *(len(hits) - np.searchsorted(hits, levels)) / len(hits)])
    beyond = int(np.searchsorted(rate, 1.0))  # the first point at or beyond 1
    end = share[-1]
    if beyond < len(rate):
        part = (1 - rate[beyond - 1]) / (rate[beyond] - rate[beyond - 1])
        end = share[beyond - 1] + part * (share[beyond] - share[beyond - 1])
    rate, share = np.append(rate[:beyond], 1.0), np.append(share[:beyond], end)
    return float(((rate[1:] - rate[:-1]) * (share[1:] + share[:-1]) / 2).sum())


def _overlap(a: Segment, b: Segment) -> int:
    return max(min(a[1], b[1]) - max(a[0], b[0]), 0)


def _segment_iou(a: Segment, b: Segment) -> float:
    common = _overlap(a, b)
    return common / (a[1] - a[0] + b[1] - b[0] - common)
