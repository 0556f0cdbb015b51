"""The token selection in float64 numpy, written from kernels/README.md alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def scores_of(keys: NDArray[Any], prototypes: NDArray[Any]) -> NDArray[np.float64]:
    """Best similarity (B, N) of keys (B, N, E) to prototypes (B, P, E); NaN where a key has no length."""
    with np.errstate(all="ignore"):
        k, p = keys.astype(np.float64), prototypes.astype(np.float64)
        squared = (k * k).sum(-1)
        cosine = k @ p.transpose(0, 2, 1) / np.maximum(np.sqrt(squared), 1e-12)[..., None]
        penalty = 4.0 * (1.0 - np.minimum((p * p).sum(-1), 1.0))
        best = (cosine - penalty[:, None, :]).max(-1)
        return np.where(squared.astype(np.float32) <= np.finfo(np.float32).max, best, np.nan)


def best_of(scores: NDArray[Any], keep: int) -> NDArray[np.int32]:
    """Ascending indices (B, K) of the ``keep`` best: ties to the lower index, NaN last."""
    rank = np.where(np.isnan(scores), np.inf, -scores)
    order = [np.lexsort((np.arange(len(r)), r, np.isnan(s))) for r, s in zip(rank, scores, strict=True)]
    return np.sort(np.stack(order)[:, :keep], axis=1).astype(np.int32)
