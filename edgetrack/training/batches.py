"""Converts the samplers' arrays to the tensors of a step, with the target given by box, by text, or by both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from edgetrack.network.network import TEMPLATE_TOKENS, EdgetrackNet
from edgetrack.network.text import TextEncoder

_BLENDED = 0.65  # fraction of the tracking samples with a blended template
_WEIGHTS = (0.2, 0.4)


class Recent(NamedTuple):
    """What a tracker has seen of the targets of late, with which it blends their templates."""

    template: Tensor  # (B, 3, 128, 128)
    target: Tensor  # (B, 1, 8, 8)
    weight: Tensor  # (B,) 0 for a template that was not blended yet


@dataclass(frozen=True, slots=True)
class Batch:
    """The samples of one step, of one kind.

    ``use_template`` and ``use_text`` (B,), 0 or 1, say how the target is named.
    """

    image: Tensor  # (B, 3, S, S) in -1..1
    template: Tensor  # (B, 3, 128, 128)
    target: Tensor  # (B, 1, 8, 8)
    tokens: Tensor  # (B, T, 384)
    mask: Tensor  # (B, T)
    use_template: Tensor
    use_text: Tensor
    box: Tensor  # (B, 4) cxcywh as fractions of the crop
    present: Tensor  # (B,)
    recent: Recent | None = None  # of tracking samples

    def to(self, device: torch.device) -> Batch:
        """Return a copy on a device."""
        parts = {f.name: getattr(self, f.name) for f in fields(Batch) if f.name != "recent"}
        recent = None if self.recent is None else Recent(*(part.to(device) for part in self.recent))
        return Batch(
            **{name: part.to(device, non_blocking=True) for name, part in parts.items()}, recent=recent
        )


def to_image(pixels: NDArray[np.uint8]) -> Tensor:
    """Convert (B, H, W, 3) uint8 to (B, 3, H, W) in -1..1, channels last in memory."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().sub_(127.5).div_(127.5)


def mixed_precision(device: torch.device) -> torch.autocast:
    """Return a context for bfloat16 if the device supports it, else for float32, because emulation is much slower."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=native)


def make_batch(arrays: dict[str, Any], *, kind: str, text: TextEncoder, rng: np.random.Generator) -> Batch:
    """Choose the mode of each sample, and encode its sentence.

    Tracking always uses the template, and a sentence, if there is one, half of the time. Grounding uses the text, text
    and template, or only the template.
    """
    image = arrays["search"] if kind == "tracking" else arrays["image"]
    captions = list(arrays["caption"])
    count, side = len(image), image.shape[1]
    has_text = np.array([bool(c) for c in captions])
    template, target = arrays["template"], arrays["target"]
    if kind == "tracking":
        use_template = np.ones(count, bool)
        use_text = has_text & (rng.random(count) < 0.5)
    else:
        use_text = has_text & (rng.random(count) < 0.85)
        use_template = ~use_text | (rng.random(count) < 0.25)
    tokens, mask = text.encode([c or "object" for c in captions])
    x, y, w, h = (np.nan_to_num(np.asarray(arrays["box"], np.float32)) / side).T
    return Batch(
        image=to_image(image),
        template=to_image(template),
        target=torch.from_numpy(np.ascontiguousarray(target, np.float32))[:, None],
        tokens=tokens,
        mask=mask,
        use_template=torch.from_numpy(use_template.astype(np.float32)),
        use_text=torch.from_numpy(use_text.astype(np.float32)),
        box=torch.from_numpy(np.stack((x + w / 2, y + h / 2, w, h), 1)),
        present=torch.from_numpy(np.asarray(arrays["present"], np.float32)),
        recent=_recent(arrays, rng) if kind == "tracking" else None,
    )


def _recent(arrays: dict[str, Any], rng: np.random.Generator) -> Recent:
    count = len(arrays["recent"])
    weight = np.where(rng.random(count) < _BLENDED, rng.uniform(*_WEIGHTS, count), 0.0)
    return Recent(
        to_image(arrays["recent"]),
        torch.from_numpy(np.ascontiguousarray(arrays["recent_target"], np.float32))[:, None],
        torch.from_numpy(weight.astype(np.float32)),
    )


def blended(net: EdgetrackNet, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
    """Encode the templates; return them, and the anchors to search with.

    Memory and anchors are blended as in the tracker (``Target::blend``).
    """
    if batch.recent is None:
        template = net.template(batch.template, batch.target)
        return template, template["anchor"]
    both = net.template(
        torch.cat((batch.template, batch.recent.template)), torch.cat((batch.target, batch.recent.target))
    )
    count = len(batch.template)
    weight = batch.recent.weight

    def mean(values: Tensor) -> Tensor:
        return torch.lerp(
            values[:count], values[count:], weight.view(-1, *[1] * (values.ndim - 1)).to(values.dtype)
        )

    template = {name: value[:count] for name, value in both.items()}
    return {**template, "memory": mean(both["memory"])}, F.normalize(mean(both["anchor"]), dim=-1)


def forward(
    net: EdgetrackNet, batch: Batch, refresh: Callable[[Tensor, Tensor], Tensor] | None = None
) -> dict[str, Tensor]:
    """Run the network as on a device: a missing text or template is masked or zero.

    ``refresh`` (embedding, prompts) -> prompts simulates the prompts of a tracker after more frames. The result
    contains the network's outputs, and ``anchor`` (B, 64, 64) and ``first`` (B, 3, 64), the template's own prompts.
    """
    by_template, by_text = batch.use_template, batch.use_text
    (template, anchor), prompt = blended(net, batch), net.prompt(batch.tokens, batch.mask)
    grid = net.features(batch.image)
    embedding = net.embed(grid)
    prompts = template["prompts"] if refresh is None else refresh(embedding, template["prompts"])
    out: dict[str, Tensor] = net.find(
        grid,
        embedding,
        torch.cat((template["memory"], prompt["memory"]), 2),
        torch.cat((by_template[:, None].expand(-1, TEMPLATE_TOKENS), by_text[:, None] * batch.mask), 1),
        prompt["film"] * by_text[:, None, None],
        anchor * by_template[:, None, None],
        prompts * by_template[:, None, None],
        torch.stack(
            (template["prototype"] * by_template[:, None], prompt["prototype"] * by_text[:, None]), 1
        ),
    )
    return {**out, "anchor": template["anchor"], "first": template["prompts"]}
