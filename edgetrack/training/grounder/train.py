"""Train the noun space and the listener on cached candidates, resumably, for hours in the background.

``python -m edgetrack.training.grounder.train RECIPE.toml`` resumes from OUTPUT/last.pt if that exists.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from edgetrack.bundle import EYE, Bundle
from edgetrack.network.candidates import GRID
from edgetrack.network.grounder import Grounder, places
from edgetrack.network.picodet import PicoDet
from edgetrack.network.text import TextEncoder
from edgetrack.training.grounder.candidates import CHANNELS
from edgetrack.training.grounder.records import NAMES
from edgetrack.training.grounder.sampler import Batch, Sampler, Source
from edgetrack.training.grounder.vocabulary import trained_words
from edgetrack.training.loop import Loop, decaying
from edgetrack.training.parameters import parts_of
from edgetrack.training.recipe_file import cosine, run_recipe
from edgetrack.training.worker import started

_NOUN_KINDS = ("class", "absent", "crop", "category", "region noun")  # kinds whose phrase is only the noun


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a run."""

    detector: str  # PicoDet's ONNX file
    text: str  # the text encoder's folder
    teachers: str
    cache: str
    output: str
    sources: tuple[tuple[str, float], ...]  # folder, weight
    initial: str = ""  # a bundle with a grounding network to start from, instead of the detector alone
    seed: int = 0
    steps: int = 60_000
    scenes: int = 16
    questions: int = 6
    learning_rate: float = 6e-4
    space_rate: float = 1e-4
    weight_decay: float = 0.03
    warmup_steps: int = 500
    decay_share: float = 0.5  # last fraction of the steps, in which the rate falls to 1 % along a cosine
    ema: float = 0.9995
    dropout: float = 0.1
    checkpoint_minutes: float = 5.0
    threads: int = 2

    def rate(self, step: int) -> float:
        """Return the factor on the learning rates at a step."""
        begun = 1 - self.decay_share
        share = max(0.0, (step / self.steps - begun) / self.decay_share)
        return min(1.0, (step + 1) / self.warmup_steps) * cosine(share)


def built(recipe: Recipe, text: TextEncoder) -> tuple[Grounder, PicoDet]:
    """Return the network, initialized with the detector's classifier, and the detector."""
    detector = PicoDet()
    detector.load_onnx(Path(recipe.detector))
    net = Grounder(CHANNELS, GRID)
    tokens, mask = text.encode(list(NAMES))
    net.space.graft(means(tokens, mask), list(detector.heads))  # type: ignore[arg-type]
    if recipe.initial:
        of_detector, of_net = parts_of(
            Bundle.open(recipe.initial), EYE, ("detector", "grounder"), "--grounder"
        )
        detector.load_state_dict(of_detector)
        net.load_state_dict(of_net)
    return net, detector


def means(tokens: Tensor, mask: Tensor) -> Tensor:
    """Return the mean token of each text, (B, TEXT), without [CLS] and [SEP]."""
    inner = mask.clone()
    inner[:, 0] = 0
    inner.scatter_(1, mask.sum(1).long()[:, None] - 1, 0.0)
    return (tokens * inner[..., None]).sum(1) / inner.sum(1, keepdim=True).clamp(min=1)


def answers(
    net: Grounder, batch: Batch, text: TextEncoder, dropout: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the logits (Q, K) of the listener and of the nouns, and the region embeddings (B, K, SPACE)."""
    region = net.space.regions(torch.from_numpy(batch.features), torch.from_numpy(batch.level))
    seen = net.listener.see(
        torch.from_numpy(batch.pooled).float(), region, places(torch.from_numpy(batch.boxes))
    )
    seen = F.dropout(seen, dropout, training=net.training)
    of = torch.from_numpy(batch.of)
    words, mask = text.encode(batch.phrases)
    noun = means(*text.encode(batch.nouns))
    logits, nouns = net(
        seen[of], region[of], torch.from_numpy(batch.valid)[of], noun, means(words, mask), words, mask
    )
    return logits, nouns, region


def losses(logits: Tensor, nouns: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Return the losses of a batch, each a mean.

    ``choice``: cross-entropy over the candidates and "none of them", whose logit is 0. ``quality``: quality focal loss
    (Li et al., 2020) of each candidate's sigmoid. ``noun``: the same for the noun alone, where the phrase is only that.
    """
    meant, vague = torch.from_numpy(batch.meant), torch.from_numpy(batch.vague)
    known, there = meant >= 0, meant > 0
    masked = logits.masked_fill(~known, -1e4)
    every = torch.logsumexp(F.pad(masked, (0, 1)), 1)
    right = torch.where(
        there.any(1),
        torch.logsumexp(logits.masked_fill(~there, -1e4) + meant.clamp(min=1e-3).log(), 1),
        torch.zeros(()),
    )
    out = {"choice": (every - right).mean()}
    target = meant.clamp(min=0)
    strong = known & ((vague < 0.5)[:, None] | ~there)
    focal = (logits.sigmoid() - target).square() * F.binary_cross_entropy_with_logits(
        logits, target, reduction="none"
    )
    out["quality"] = (focal * strong).sum() / max(1, len(meant))
    plain = torch.tensor([kind in _NOUN_KINDS for kind in batch.kinds])
    use = strong & (plain[:, None] | there)
    focal = (nouns.sigmoid() - target).square() * F.binary_cross_entropy_with_logits(
        nouns, target, reduction="none"
    )
    out["noun"] = (focal * use).sum() / max(1, len(meant))
    asked = torch.logsumexp(F.pad(nouns.masked_fill(~known, -1e4), (0, 1)), 1)
    own = torch.where(there.any(1), torch.logsumexp(nouns.masked_fill(~there, -1e4), 1), torch.zeros(()))
    out["noun_choice"] = ((asked - own) * (plain & (vague > 0.5))).sum() / max(1, len(meant))
    return out


class Trainer(Loop[Grounder]):
    """A training run."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.threads)
        self.recipe, self.text = recipe, TextEncoder.load(recipe.text)
        net, self.detector = built(recipe, self.text)
        self.names = means(*self.text.encode(list(NAMES)))
        space = list(net.space.parameters())
        rest = list(net.listener.parameters())
        groups = [
            {"params": space, "base": recipe.space_rate, "weight_decay": 0.0},
            *decaying(rest, recipe.learning_rate),
        ]
        optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        average = copy.deepcopy(net).eval()
        super().__init__(recipe, net, average, optimizer, report_steps=100, validate_steps=1000)
        self.resume()
        sources = [Source(Path(f), w) for f, w in recipe.sources]
        self.words = trained_words(source.folder for source in sources)
        arguments = (sources, Path(recipe.cache), Path(recipe.teachers))
        size = (recipe.scenes, recipe.questions)

        def begin() -> Callable[[], Batch]:
            sampler = Sampler(*arguments, recipe.seed + 17 + self.step)
            return lambda: sampler.batch(*size)

        self.next_batch = started(begin)
        held_out = Sampler(*arguments, 5, validation=True)
        self.held_out = [held_out.batch(*size) for _ in range(24)]

    def optimize(self) -> dict[str, float]:
        """Take one step on a batch of scenes; return the unweighted losses."""
        batch = self.next_batch()
        logits, nouns, region = answers(self.net, batch, self.text, self.recipe.dropout)
        parts = losses(logits, nouns, batch)
        valid = torch.from_numpy(batch.valid)
        taught = torch.from_numpy(batch.logits).sigmoid()
        kept = (region @ self.net.space.noun(self.names).T).sigmoid()
        parts["teacher"] = 20 * ((kept - taught).square().mean(-1) * valid).sum() / valid.sum()
        total = (
            parts["choice"]
            + 2 * parts["quality"]
            + parts["noun"]
            + 0.5 * parts["noun_choice"]
            + parts["teacher"]
        )
        total.backward()  # type: ignore[no-untyped-call]
        self.take_step(5.0)
        return {name: float(value.detach()) for name, value in parts.items()}

    def state(self) -> dict[str, Any]:
        """Return the contents of a checkpoint, including the detector and the words that an export needs."""
        return {**super().state(), "detector": self.detector.state_dict(), "words": self.words}

    def figures(self) -> dict[str, float]:
        """Return the metrics on the held-out images."""
        return validated(self.average, self.held_out, self.text)


@torch.no_grad()
def validated(net: Grounder, batches: list[Batch], text: TextEncoder) -> dict[str, float]:
    """Return the accuracy on each kind of question.

    An answer is right if the best candidate is meant or, for absent objects, if no candidate reaches one half.
    """
    right: dict[str, list[float]] = defaultdict(list)
    net.eval()
    for batch in batches:
        logits = answers(net, batch, text)[0].numpy()
        for row, meant, kind in zip(logits, batch.meant, batch.kinds, strict=True):
            row = np.where(meant < 0, -1e9, row)
            right[kind].append(float(meant[row.argmax()] > 0 if (meant > 0).any() else row.max() < 0))
    return {f"val {kind}": float(np.mean(values)) for kind, values in sorted(right.items())}


def main() -> None:
    """``train.py RECIPE.toml``"""
    run_recipe("edgetrack.training.grounder.train", Recipe, Trainer)


if __name__ == "__main__":
    main()
