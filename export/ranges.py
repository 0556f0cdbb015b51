"""Determine integer ranges from the values of tensors: min-max, percentile or entropy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Range = tuple[float, float]  # smallest and largest value; 0 is in between
Feeds = dict[str, NDArray[np.float32]]
BINS = 2048
PERCENTILE = 99.99
_SAMPLE = 1 << 16  # values per tensor and image in the histogram; extremes are exact
_LEVELS = 128  # levels per sign of an int8


@dataclass
class Histogram:
    """The distribution of one tensor's values over all images."""

    low: float
    high: float
    counts: NDArray[np.int64]  # in BINS equal bins between low and high


def observe(
    run: Callable[[Feeds], Mapping[str, NDArray[np.float32]]], pictures: Callable[[], Iterable[Feeds]]
) -> dict[str, Histogram]:
    """Return histograms of all tensors that ``run`` returns.

    Args:
        run: Computes tensors by name from the inputs of a graph.
        pictures: Returns the inputs; called twice, first for the extremes, then for the counts.
    """
    histograms: dict[str, Histogram] = {}
    for feeds in pictures():
        for name, array in run(dict(feeds)).items():
            low, high = min(0.0, float(array.min())), max(0.0, float(array.max()))
            seen = histograms.setdefault(name, Histogram(low, high, np.zeros(BINS, np.int64)))
            seen.low, seen.high = min(seen.low, low), max(seen.high, high)
    for feeds in pictures():
        for name, array in run(dict(feeds)).items():
            seen = histograms[name]
            values = array.ravel()[:: max(1, array.size // _SAMPLE)].astype(np.float64)  # as fine as the bins
            if seen.high > seen.low:
                seen.counts += np.histogram(values, BINS, (seen.low, seen.high))[0]
    return histograms


def minmax(seen: Histogram) -> Range:
    """Return the range of all values."""
    return seen.low, seen.high


def percentile(seen: Histogram) -> Range:
    """Return the range of PERCENTILE of the values; half of the remaining ones are cut off at each end."""
    total = seen.counts.sum()
    if total == 0:
        return minmax(seen)
    cut = (100 - PERCENTILE) / 200 * total
    edges = np.linspace(seen.low, seen.high, BINS + 1)
    below = np.searchsorted(seen.counts.cumsum(), cut, side="right")
    above = np.searchsorted(seen.counts[::-1].cumsum(), cut, side="right")
    return min(0.0, float(edges[below])), max(0.0, float(edges[BINS - above]))


def entropy(seen: Histogram) -> Range:
    """Return the clipping range that loses the least information, by Kullback-Leibler divergence.

    Migacz, 8-bit Inference with TensorRT, GTC 2017: every number of kept bins is tried, outliers are added to the last
    bin, and the distribution is compared with itself after rounding to the levels of an int8.
    """
    centers = np.linspace(seen.low, seen.high, 2 * BINS + 1)[1::2]
    top = max(-seen.low, seen.high)
    if top == 0 or seen.counts.sum() == 0:
        return minmax(seen)
    sizes, _ = np.histogram(np.abs(centers), BINS, (0, top), weights=seen.counts)
    sizes[0] = sizes[1]  # zeros are exact at any scale, so they do not matter for clipping
    kept = range(_LEVELS, BINS + 1, _LEVELS // 4)
    best = min(kept, key=lambda n: _divergence(sizes, n)) * top / BINS
    return max(seen.low, -best), min(seen.high, best)


def _divergence(sizes: NDArray[np.float64], kept: int) -> float:
    wanted = sizes[:kept].astype(np.float64)
    level = np.arange(kept) * _LEVELS // kept
    filled = wanted > 0
    share = np.bincount(level, wanted, _LEVELS) / np.maximum(np.bincount(level, filled, _LEVELS), 1)
    given = np.where(filled, share[level], 0.0)
    wanted[-1] += sizes[kept:].sum()
    if given.sum() == 0:
        return float("inf")
    wanted, given = wanted / wanted.sum(), given / given.sum()
    both = (wanted > 0) & (given > 0)
    lost = wanted[(wanted > 0) & (given == 0)].sum()
    return float((wanted[both] * np.log(wanted[both] / given[both])).sum() + lost * 10)


METHODS: dict[str, Callable[[Histogram], Range]] = {
    "minmax": minmax,
    "percentile": percentile,
    "entropy": entropy,
}
