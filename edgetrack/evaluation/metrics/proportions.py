"""Proportions with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_Z95 = 1.959964  # quantile of the normal distribution with 2.5 % on either side


@dataclass(frozen=True, slots=True)
class Proportion:
    """A proportion of a count; NaN if the count is 0."""

    count: int
    total: int
    share: float  # 0..1
    low: float  # bounds of the 95 % confidence interval
    high: float


def proportion(hits: Iterable[bool]) -> Proportion:
    """Return the proportion of hits with Wilson's 95 % interval, which is valid for small counts, too.

    Wilson, "Probable inference", JASA 1927; Brown, Cai and DasGupta, Statistical Science 2001, equation 4.
    """
    all_hits = [bool(hit) for hit in hits]
    count, total = sum(all_hits), len(all_hits)
    if not total:
        return Proportion(0, 0, math.nan, math.nan, math.nan)
    share, z2 = count / total, _Z95**2
    middle = (count + z2 / 2) / (total + z2)
    reach = _Z95 * math.sqrt(total * share * (1 - share) + z2 / 4) / (total + z2)
    return Proportion(count, total, share, max(0.0, middle - reach), min(1.0, middle + reach))
