"""A density estimate of bounded size that is learned online: centers, each with its number of visits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BUDGET = 768  # centers
FIRST_RADIUS = 0.2  # initial radius within which a point belongs to a center
GROWTH = 1.3  # factor on the radius when there is no room for another center
VISITS = 3  # visits by different objects from which something is known
FAR = 8.0  # distance of a point with no center near it
GATE = 1.0  # distance within which two locations are the same place
MIN_IN_PLACE = 12  # visits of a place before anything can be unusual there


class Bank:
    """Cluster centers of the observed features, and how many objects have visited each.

    A point that is farther than the radius from all centers becomes a center; when there is no room, the radius grows
    and centers merge (as in Charikar et al., "Incremental clustering and dynamic information retrieval", STOC 1997).
    A point's distance is measured to the nearest centers that together have three visits, a weighted
    k-nearest-neighbor distance: one unusual object does not make the next one normal, but three do.

    Args:
        length: of a point.
        located: whether the first two values are a location. Then only the others are compared, and only with centers
            at the same place, because something that is unusual there may be usual elsewhere.
    """

    def __init__(self, length: int, *, located: bool = False) -> None:
        self.located = located
        self.centers: Floats = np.empty((0, length))
        self.visits: Floats = np.empty(0)
        self.radius = FIRST_RADIUS

    def distances(self, points: Floats) -> Floats:
        """Return the distance (N,) of each point (N, D) to the known centers, at most `FAR`.

        It is 0 at a place with few visits, which the family *place* scores.
        """
        if not len(points):
            return np.empty(0)
        if not len(self.centers):
            return np.full(len(points), 0.0 if self.located else FAR)
        if not self.located:
            return self._nearest(_squared(points, self.centers))
        here = _squared(points[:, :2], self.centers[:, :2]) <= GATE**2
        squared = _squared(points[:, 2:], self.centers[:, 2:])
        found = self._nearest(np.where(here, squared, FAR**2))
        return np.where(here @ self.visits >= MIN_IN_PLACE, found, 0.0)

    def _nearest(self, squared: Floats) -> Floats:
        """Return the distance (N,) down to three visits, given the squared ones (N, M) to all centers."""
        count = min(VISITS, len(self.centers))
        near = np.argpartition(squared, count - 1, axis=1)[:, :count]
        rows = np.arange(len(squared))[:, None]
        near = near[rows, squared[rows, near].argsort(axis=1, kind="stable")]
        values, visits = squared[rows, near], self.visits[near].cumsum(axis=1)
        enough = visits >= VISITS
        first = enough.argmax(axis=1)
        found = np.sqrt(values[rows[:, 0], first])
        return np.minimum(np.where(enough.any(axis=1), found, FAR), FAR)

    def learn(self, points: Floats) -> None:
        """Count one visit at each center that the points (N, D) of one object belong to."""
        visited: set[int] = set()
        for point in points:
            squared = _squared(point[None], self.centers)[0]
            best = int(squared.argmin()) if len(squared) else -1
            if best < 0 or squared[best] > self.radius**2:
                best = len(self.centers)
                self.centers = np.concatenate([self.centers, point[None]])
                self.visits = np.append(self.visits, 0.0)
            visited.add(best)
        self.visits[sorted(visited)] += 1
        while len(self.centers) > BUDGET:
            self._merge()

    def usual(self, point: Floats, *, dimensions: int) -> Floats | None:
        """Return the mean of the centers nearest to a point in its first ``dimensions``; None if no center is near."""
        if not len(self.centers):
            return None
        squared = _squared(point[None, :dimensions], self.centers[:, :dimensions])[0]
        order = np.argsort(squared, kind="stable")
        count = int(np.searchsorted(self.visits[order].cumsum(), 4 * VISITS)) + 1
        near = order[:count]
        if dimensions < len(point) and squared[near[0]] > 1:
            return None
        return np.asarray(np.average(self.centers[near], axis=0, weights=self.visits[near]), np.float64)

    def _merge(self) -> None:
        """Increase the radius, and merge each pair of centers within it into the one with more visits."""
        self.radius *= GROWTH
        free = np.ones(len(self.centers), bool)
        kept, visits = [], []
        for index in np.argsort(-self.visits, kind="stable"):
            if free[index]:
                inside = free & (_squared(self.centers[index][None], self.centers)[0] <= self.radius**2)
                kept.append(int(index))
                visits.append(float(self.visits[inside].sum()))
                free &= ~inside
        self.centers, self.visits = self.centers[kept], np.array(visits)


def _squared(points: Floats, centers: Floats) -> Floats:
    """Return the squared distances (N, M) of points (N, D) and centers (M, D)."""
    squares: Floats = points @ (-2 * centers.T)
    squares += np.einsum("nd,nd->n", points, points)[:, None]
    squares += np.einsum("md,md->m", centers, centers)
    return np.maximum(squares, 0.0, out=squares)
