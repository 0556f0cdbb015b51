"""The grounding network as two graphs: "detect" looks at a frame, "rank" compares what it found with a phrase.

"detect" does not know the phrase, so that one look serves any number of phrases. Between the two, the tracker keeps the
best boxes (non-maximum suppression).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.grounder import TEXT, Grounder, places
from edgetrack.network.picodet import CLASSES, MEAN, STD, STRIDES, Detections, PicoDet

SIDE = 416  # of the picture that "detect" sees, in pixels: the whole frame, stretched
COUNT = 32  # candidates that "rank" compares
SAME_WORD = 0.98  # cosine of two nouns' mean tokens from which they are one word
GRID = 6  # a candidate is looked at in GRID x GRID cells


def pool_weights(boxes: Tensor, cells: int, grid: int = GRID) -> tuple[Tensor, Tensor]:
    """RoIAlign (He et al., 2017) with two samples a bin, as a matrix for each side.

    Args:
        boxes: (B, K, 4), x1, y1, x2, y2 as shares of the picture.
        cells: of the map a side.
        grid: bins a side.

    Returns:
        Two matrices (B, K, grid, cells): what each bin takes of each column, and of each row.
    """
    steps = (torch.arange(2 * grid, device=boxes.device) + 0.5) / (2 * grid)
    index = torch.arange(cells, device=boxes.device, dtype=boxes.dtype)

    def matrix(low: Tensor, high: Tensor) -> Tensor:
        at = (low[..., None] + steps * (high - low)[..., None]) * cells - 0.5
        at = at.clamp(0, cells - 1)
        hat = (1 - (at[..., None] - index).abs()).clamp(min=0)  # bilinear: what a sample takes of each cell
        pairs: Tensor = hat.reshape(*hat.shape[:-2], grid, 2, cells)
        return pairs.mean(-2)

    x1, y1, x2, y2 = boxes.unbind(-1)
    return matrix(x1, x2), matrix(y1, y2)


def pooled(maps: Tensor, boxes: Tensor, grid: int = GRID) -> Tensor:
    """Pool candidates (B, K, 4) out of a map (B, C, H, H): (B, K, C, grid, grid), as two matrix products."""
    columns, rows = pool_weights(boxes, maps.shape[-1], grid)
    across = torch.einsum("bchw,bkgw->bkhcg", maps, columns)
    return torch.einsum("bkgh,bkhcx->bkcgx", rows, across)


def looked_at(image: Tensor, found: Detections) -> Tensor:
    """The map (B, C, H/8, W/8) that candidates are pooled from, of the detector's input and output."""
    return torch.cat((F.avg_pool2d(found.maps[0], 2), found.maps[1], F.avg_pool2d(image, 8)), 1)


class Detect(nn.Module):
    """image -> boxes, objectness, region, classes, map.

    The picture is normalized as all of a bundle's are, by ``mean`` and ``std`` (RGB, 0..255).
    """

    outputs = ("boxes", "objectness", "region", "classes", "map")

    def __init__(self, detector: PicoDet, grounder: Grounder, mean: float, std: float) -> None:
        super().__init__()
        self.detector, self.grounder = detector, grounder
        own_std = torch.tensor(STD)
        self.register_buffer("scale", (std / own_std)[:, None, None])
        self.register_buffer("shift", ((mean - torch.tensor(MEAN)) / own_std)[:, None, None])

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """``image`` (1, 3, S, S); boxes (1, N, 4) as shares, objectness (1, N) in 0..1, classes (1, N, 80) logits."""
        image = image * self.scale + self.shift  # type: ignore[operator]
        found = self.detector(image)
        size = float(image.shape[-1])
        cells = [math.ceil(image.shape[-1] / stride) ** 2 for stride in STRIDES]
        levels = found.features.split(cells, 1)
        region = torch.cat([f(x) for f, x in zip(self.grounder.space.region, levels, strict=True)], 1)
        # pooling is linear: squeezed before or after is the same
        squeezed = self.grounder.listener.squeeze(looked_at(image, found))
        boxes = (found.boxes / size).clamp(0, 1)
        return boxes, found.logits.amax(-1).sigmoid(), region, found.logits, squeezed


class ClassCheck(nn.Module):
    """The detector's own word on nouns that are classes of it: no phrase about a dog is true of what it calls a horse.

    Candidates compare by the class that the noun names alone. What the best of them is worth rests on the other
    classes, too: "truck" is hardly there if whatever looks a little like one looks much more like a car.

    Args:
        names: (R, TEXT), mean tokens of everything that a class is called; a word for several classes has a row each.
        owner: (R,), int64, the class that a row names.
        scale, shift: of the class logits, so that their sigmoid is the share of boxes that show the class.
        rival: scales of the class's logit and of the highest of all other classes, and their shift, so that the
            sigmoid of the sum is that share.
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
        """One that knows no noun."""
        return cls(torch.zeros(1, TEXT), torch.zeros(1, dtype=torch.long), 1.0, 0.0, (1.0, 0.0, 0.0))

    def forward(self, noun: Tensor, logits: Tensor, score: Tensor) -> Tensor:
        """Scores (B, K) with the detector's word; those of a noun that is no class stay.

        ``noun`` (B, TEXT), its mean token; ``logits`` (B, K, 80), of the classes; ``score`` (B, K), 0..1.
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
        check: the detector's word on nouns that it knows.
        scale, shift: of the logits, so that a score is the share of right boxes that have it (Platt, 1999).
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
        """Scores (1, K) in 0..1 that the phrase means a candidate; 0 where ``valid`` is 0."""
        listener = self.grounder.listener
        flat = F.relu(pooled(map, boxes)).flatten(2)
        seen = listener.look(flat) + listener.region(region) + listener.place(places(boxes))
        head = _mean(noun, noun_mask)
        logits, _ = self.grounder(seen, region, valid, head, _mean(tokens, mask), tokens, mask)
        score = (logits * self.scale + self.shift).sigmoid() * valid
        return (self.check(head, classes, score),)


def _mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """The mean token of a text, (B, width), without [CLS] and [SEP]: the first, and the last that the mask shows."""
    later = F.pad(mask[:, 1:], (0, 1))  # 1 where another token follows
    inner = mask * later
    inner = torch.cat((torch.zeros_like(inner[:, :1]), inner[:, 1:]), 1)
    return (tokens * inner[..., None]).sum(1) / inner.sum(1, keepdim=True).clamp(min=1)
