"""The grounding network as two graphs: "detect" runs on a frame, "rank" compares the detections with a phrase.

"detect" does not depend on the phrase, so one run serves any number of phrases. Between the two graphs, the tracker
keeps the best boxes (non-maximum suppression).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.grounder import TEXT, Grounder, places
from edgetrack.network.picodet import CLASSES, MEAN, STD, STRIDES, Detections, PicoDet

SIDE = 416  # side of the input of "detect" in pixels: the whole frame, stretched to a square
COUNT = 32  # candidates that "rank" compares
SAME_WORD = 0.98  # two nouns are the same word if the cosine of their mean tokens is above this threshold
GRID = 6  # each candidate is pooled into GRID x GRID cells


def pool_weights(boxes: Tensor, cells: int, grid: int = GRID) -> tuple[Tensor, Tensor]:
    """Return RoIAlign (He et al., 2017) with two samples per bin, as one matrix per axis.

    Args:
        boxes: (B, K, 4), x1, y1, x2, y2 as fractions of the image size.
        cells: Cells of the map per side.
        grid: Bins per side.

    Returns:
        Two matrices (B, K, grid, cells): the weight of each column, and of each row, in each bin.
    """
    steps = (torch.arange(2 * grid, device=boxes.device) + 0.5) / (2 * grid)
    index = torch.arange(cells, device=boxes.device, dtype=boxes.dtype)

    def matrix(low: Tensor, high: Tensor) -> Tensor:
        at = (low[..., None] + steps * (high - low)[..., None]) * cells - 0.5
        at = at.clamp(0, cells - 1)
        hat = (1 - (at[..., None] - index).abs()).clamp(min=0)  # bilinear weight of each cell in a sample
        pairs: Tensor = hat.reshape(*hat.shape[:-2], grid, 2, cells)
        return pairs.mean(-2)

    x1, y1, x2, y2 = boxes.unbind(-1)
    return matrix(x1, x2), matrix(y1, y2)


def pooled(maps: Tensor, boxes: Tensor, grid: int = GRID) -> Tensor:
    """Pool candidates (B, K, 4) from a map (B, C, H, H) to (B, K, C, grid, grid) with two matrix products."""
    columns, rows = pool_weights(boxes, maps.shape[-1], grid)
    across = torch.einsum("bchw,bkgw->bkhcg", maps, columns)
    return torch.einsum("bkgh,bkhcx->bkcgx", rows, across)


def looked_at(image: Tensor, found: Detections) -> Tensor:
    """Return the map (B, C, H/8, W/8) that candidates are pooled from, made of the detector's input and output."""
    return torch.cat((F.avg_pool2d(found.maps[0], 2), found.maps[1], F.avg_pool2d(image, 8)), 1)


class Detect(nn.Module):
    """image -> boxes, objectness, region, classes, map.

    The input image is normalized like all images of a bundle, by ``mean`` and ``std`` (RGB, 0..255).
    """

    outputs = ("boxes", "objectness", "region", "classes", "map")

    def __init__(self, detector: PicoDet, grounder: Grounder, mean: float, std: float) -> None:
        super().__init__()
        self.detector, self.grounder = detector, grounder
        own_std = torch.tensor(STD)
        self.register_buffer("scale", (std / own_std)[:, None, None])
        self.register_buffer("shift", ((mean - torch.tensor(MEAN)) / own_std)[:, None, None])

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """``image`` (1, 3, S, S); boxes (1, N, 4) as fractions, objectness (1, N) 0..1, classes (1, N, 80) logits."""
        image = image * self.scale + self.shift  # type: ignore[operator]
        found = self.detector(image)
        size = float(image.shape[-1])
        cells = [math.ceil(image.shape[-1] / stride) ** 2 for stride in STRIDES]
        levels = found.features.split(cells, 1)
        region = torch.cat([f(x) for f, x in zip(self.grounder.space.region, levels, strict=True)], 1)
        # pooling is linear, so channels can be reduced before or after it
        squeezed = self.grounder.listener.squeeze(looked_at(image, found))
        boxes = (found.boxes / size).clamp(0, 1)
        return boxes, found.logits.amax(-1).sigmoid(), region, found.logits, squeezed


class ClassCheck(nn.Module):
    """Check nouns against the detector's classes: a phrase about a dog cannot mean what the detector calls a horse.

    Candidates are compared with each other by the class that the noun names. The score of the best candidate also
    depends on the other classes: "truck" is hardly in view if everything that looks a little like a truck looks much
    more like a car.

    Args:
        names: (R, TEXT), mean tokens of all names of the classes; a word for several classes has one row for each.
        owner: (R,), int64, the class that each row names.
        scale: Scale of the class logits.
        shift: Offset of the class logits; the sigmoid of the scaled and shifted logit is the fraction of boxes that
            show the class.
        rival: Scales of the class's logit and of the highest logit among all other classes, and an offset; the sigmoid
            of the sum is the same fraction.
    """

    def __init__(
        self, names: Tensor, owner: Tensor, scale: float, shift: float, rival: tuple[float, float, float]
    ) -> None:
        super().__init__()
        self.scale, self.shift, self.rival = scale, shift, rival
        self.register_buffer("names", F.normalize(names, dim=-1))
        self.register_buffer("classes", F.one_hot(owner, CLASSES).float())

    @classmethod
    def none(cls) -> ClassCheck:
        """Return a check that knows no nouns."""
        return cls(torch.zeros(1, TEXT), torch.zeros(1, dtype=torch.long), 1.0, 0.0, (1.0, 0.0, 0.0))

    def forward(self, noun: Tensor, logits: Tensor, score: Tensor) -> Tensor:
        """Return scores (B, K) corrected by the detector's classes; unchanged if the noun is not a class.

        ``noun`` (B, TEXT) is the noun's mean token, ``logits`` (B, K, 80) are class logits, ``score`` (B, K) is 0..1.
        """
        same = (F.normalize(noun, dim=-1) @ self.names.T > SAME_WORD).float()  # type: ignore[operator]
        named = (same @ self.classes).clamp(max=1)  # type: ignore[operator]
        own = (logits + (named[:, None] - 1) * 1e4).amax(-1)
        other = (logits - named[:, None] * 1e4).amax(-1)
        own_scale, other_scale, shift = self.rival
        alone = score * (own * self.scale + self.shift).sigmoid()
        compared = score * (own * own_scale + other * other_scale + shift).sigmoid()
        worth = compared.amax(-1, keepdim=True) / alone.amax(-1, keepdim=True).clamp(min=1e-9)
        known = named.amax(-1, keepdim=True)
        return (alone * worth).clamp(max=1) * known + score * (1 - known)


class Rank(nn.Module):
    """map, boxes, region, classes, valid, tokens, mask, noun, noun_mask -> score.

    Args:
        check: The check of nouns that are classes of the detector.
        scale: Scale of the logits.
        shift: Offset of the logits; with both, a score is the fraction of boxes with that score that are correct
            (Platt, 1999).
    """

    outputs = ("score",)

    def __init__(self, grounder: Grounder, check: ClassCheck, scale: float = 1.0, shift: float = 0.0) -> None:
        super().__init__()
        self.grounder, self.check, self.scale, self.shift = grounder, check, scale, shift

    def forward(
        self,
        map: Tensor,
        boxes: Tensor,
        region: Tensor,
        classes: Tensor,
        valid: Tensor,
        tokens: Tensor,
        mask: Tensor,
        noun: Tensor,
        noun_mask: Tensor,
    ) -> tuple[Tensor, ...]:
        """Return for each candidate the probability (1, K) that the phrase means it; 0 where ``valid`` is 0."""
        listener = self.grounder.listener
        flat = F.relu(pooled(map, boxes)).flatten(2)
        seen = listener.look(flat) + listener.region(region) + listener.place(places(boxes))
        head = _mean(noun, noun_mask)
        logits, _ = self.grounder(seen, region, valid, head, _mean(tokens, mask), tokens, mask)
        score = (logits * self.scale + self.shift).sigmoid() * valid
        return (self.check(head, classes, score),)


def _mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Return a text's mean token (B, width) without [CLS] and [SEP], the first and the last token in the mask."""
    later = F.pad(mask[:, 1:], (0, 1))  # 1 where another token follows
    inner = mask * later
    inner = torch.cat((torch.zeros_like(inner[:, :1]), inner[:, 1:]), 1)
    return (tokens * inner[..., None]).sum(1) / inner.sum(1, keepdim=True).clamp(min=1)
