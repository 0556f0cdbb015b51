"""UVLTrack (Ma, Tang, Yang, Zhang, Zhang, AAAI 2024) in PyTorch; layers are named as in the published checkpoint.

A ViT encodes template and search region, and the first layers of BERT encode the sentence. The upper layers of the ViT
process both as one sequence. Three prompts (target, distractor, background) determine where the target is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from edgetrack.peers.layers import Block
from edgetrack.peers.uvltrack.layers import BertLayer, ViT, tower
from edgetrack.peers.uvltrack.prompter import Prompter, cosine

BOX, GROUNDING, BOTH = 0, 1, 2  # the target is given by: a box; a sentence, on the first frame; both
_HEADS = {768: 12, 1024: 16, 64: 4}  # attention heads by width; 64 is the small variant for tests
_FACTORS = {1024: 5.0}  # side of the search region over sqrt(w * h) of the box; else 4


@dataclass(frozen=True, slots=True)
class Config:
    """The sizes of a variant."""

    width: int = 768
    depth: int = 12
    text_layers: int = 6
    text_hidden: int = 3072
    vocabulary: int = 30522
    template: int = 8  # cells of 16 pixels per side
    search: int = 16
    head: int = 256  # channels of the first layer of a head

    @property
    def heads(self) -> int:
        """Return the number of attention heads in the ViT and in BERT."""
        return _HEADS[self.width]

    @property
    def factor(self) -> float:
        """Return the side of the search region over sqrt(w * h) of the box."""
        return _FACTORS.get(self.width, 4.0)

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Config:
        """Return the variant of a checkpoint, from the shapes of its tensors.

        Raises:
            KeyError, ValueError: it is not a checkpoint of UVLTrack.
        """
        vit, bert = "backbone.vit", "backbone.bert"
        width = shapes[f"{vit}.cls_token"][-1]
        if width not in _HEADS:
            raise ValueError(f"its tokens have {width} channels; expected {', '.join(map(str, _HEADS))}")
        return cls(
            width=width,
            depth=_count(shapes, f"{vit}.blocks."),
            text_layers=_count(shapes, f"{bert}.encoder.layer."),
            text_hidden=shapes[f"{bert}.encoder.layer.0.intermediate.dense.bias"][0],
            vocabulary=shapes[f"{bert}.embeddings.word_embeddings.weight"][0],
            template=math.isqrt(shapes[f"{vit}.pos_embed_z"][1]),
            search=math.isqrt(shapes[f"{vit}.pos_embed_x"][1]),
            head=shapes["box_head.conv_cls.0.0.bias"][0],
        )


def _count(shapes: Mapping[str, tuple[int, ...]], prefix: str) -> int:
    return len({name[len(prefix) :].split(".")[0] for name in shapes if name.startswith(prefix)})


@dataclass(frozen=True, slots=True)
class Features:
    """The features of a batch of frames. Every row of the batch has its own flag."""

    search: Tensor  # (B, S, D), row by row
    template: Tensor  # (B, Z, D)
    image_token: Tensor  # (B, 1, D)
    text: Tensor  # (B, T, D), the first token represents the sentence

    def token(self, flag: Tensor) -> Tensor:
        """Return the token of the target, (B, 1, D), according to ``flag``, int64 (B,)."""
        first = self.text[:, :1]
        choices = torch.cat([self.image_token, first, (self.image_token + first) / 2], 1)
        return choices[torch.arange(len(flag)), flag][:, None]


class Bert(nn.Module):
    """The first layers of BERT."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(config.vocabulary, width),
                "position_embeddings": nn.Embedding(512, width),
                "token_type_embeddings": nn.Embedding(2, width),
                "LayerNorm": nn.LayerNorm(width, eps=1e-12),
            }
        )
        layers = (BertLayer(width, config.heads, config.text_hidden) for _ in range(config.text_layers))
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def embed(self, ids: Tensor) -> Tensor:
        """Return the embeddings (B, T, D) of word pieces, int64 (B, T)."""
        parts = cast("dict[str, nn.Embedding]", self.embeddings)
        tokens = parts["word_embeddings"](ids) + parts["position_embeddings"].weight[: ids.shape[1]]
        return cast(Tensor, parts["LayerNorm"](tokens + parts["token_type_embeddings"].weight[0]))

    def forward(self, ids: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return the tokens (B, T, D) of the sentence; ``bias`` is added to the attention logits."""
        tokens = self.embed(ids)
        for layer in cast(nn.ModuleList, self.encoder["layer"]):
            tokens = layer(tokens, bias)
        return tokens


class Backbone(nn.Module):
    """Encodes image and sentence to features."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.vit, self.bert = (
            ViT(config.width, config.depth, config.heads, config.template, config.search),
            Bert(config),
        )

    def text_tokens(self, ids: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return the tokens (B, T, D) of word pieces, int64 (B, T), before the fusion; ``bias`` as in BERT."""
        return cast(Tensor, self.bert(ids, bias))

    def encoded(self, search: Tensor, template: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return search (B, S, D), template (B, 1 + Z or 0, D) and text (B, T or 0, D) after all layers.

        Their order does not matter, because each patch has its position embedding.
        """
        n = search.shape[1]
        tokens, text = self.joint(torch.cat([search, template], 1), text)
        return tokens[:, :n], tokens[:, n:], text

    def joint(
        self, image: Tensor, text: Tensor, image_mask: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return image tokens (B, N, D) and text tokens (B, T, D) after all layers of the ViT.

        Args:
            image: patches with position embeddings.
            text: output of BERT's layers, which are as many as the lower layers of the ViT.
            image_mask: bool (B, N), tokens that the lower layers ignore.
            mask: bool (B, N + T), tokens that the upper layers ignore.
        """
        own = len(cast(nn.ModuleList, self.bert.encoder["layer"]))
        blocks = [cast(Block, block) for block in self.vit.blocks]
        for block in blocks[:own]:
            image = block(image, image_mask)
        n = image.shape[1]
        for block in blocks[own:]:  # the modality embedding is added again in each block
            both = [image + self.vit.modal_embed[0], text + self.vit.modal_embed[1]]
            tokens = block(torch.cat(both, 1), mask)
            image, text = tokens[:, :n], tokens[:, n:]
        return image, text

    def forward(self, template: Tensor, search: Tensor, ids: Tensor, words: Tensor, flag: Tensor) -> Features:
        """Return the features of a batch of pairs.

        Args:
            template: normalized RGB (B, 3, 16 z, 16 z).
            search: normalized RGB (B, 3, 16 s, 16 s).
            ids: int64 (B, T) word pieces.
            words: (B, T), 1 for a word piece and 0 for padding.
            flag: int64 (B,): BOX, GROUNDING or BOTH.
        """
        patches = self.vit.template_tokens(template), self.vit.search_tokens(search)
        z, s = patches[0].shape[1], patches[1].shape[1]
        grounding = (flag == GROUNDING)[:, None]
        image_mask = torch.cat([grounding.expand(-1, z), grounding.new_zeros(len(flag), s)], 1)
        text_mask = (words == 0) | (flag == BOX)[:, None]
        text = self.text_tokens(ids, (1.0 - words.float())[:, None, None] * -10000.0)
        mask = torch.cat([image_mask, text_mask], 1)
        image, text = self.joint(torch.cat(patches, 1), text, image_mask, mask)
        return Features(image[:, z:], image[:, 1:z], image[:, :1], text)


class BoxHead(nn.Module):
    """Predicts boxes and their target likelihood from the features of the search region."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.prompter = Prompter(config.width)
        self.conv_cls = tower(config.width, config.head, 1)
        self.conv_offset = tower(config.width, config.head, 2)
        self.conv_bbox = tower(config.width, config.head, 2)
        self.conv_bbox_grounding = tower(config.width, config.head, 2)
        cells = torch.arange(config.search)
        grid = torch.stack(torch.meshgrid(cells, cells, indexing="xy")).flatten(1).float()
        self.register_buffer("cells", grid, persistent=False)  # (2, S): x and y, row by row
        self.side = config.search

    def likelihood(self, search: Tensor, prompts: Tensor, *, grounding: bool = False) -> Tensor:
        """Return the probability that each cell shows the target, not a distractor or background, (B, S), 0..1.

        Args:
            search: features (B, S, D).
            prompts: (B, 3, D).
            grounding: exclude the answer "neither", as in training.
        """
        return self.compared(search, prompts, grounding=grounding).softmax(-1)[..., 0]

    def compared(self, search: Tensor, prompts: Tensor, *, grounding: bool = False) -> Tensor:
        """Return the logits of target and others, (B, S, 2), and unless ``grounding``, 0 for neither."""
        logits = self.logit_scale.exp() * cosine(search, prompts)
        others = logits[..., 1:].amax(-1, keepdim=True).clamp_min(0)
        columns = [logits[..., :1], others, *([] if grounding else [torch.zeros_like(others)])]
        return torch.cat(columns, -1)

    def scores(self, search: Tensor) -> Tensor:
        """Return the probability that each cell is the center of an object, (B, S), 0..1."""
        return cast(Tensor, self.conv_cls(self.map(search)).sigmoid().flatten(1))

    def boxes(self, search: Tensor, *, grounding: bool = False) -> Tensor:
        """Return a box for each cell, (B, S, 4): center and size in units of the search image."""
        image = self.map(search)
        centers = (cast(Tensor, self.cells) + self.conv_offset(image).sigmoid().flatten(2)) / self.side
        sizes = (self.conv_bbox_grounding if grounding else self.conv_bbox)(image).sigmoid().flatten(2)
        return torch.cat([centers, sizes], 1).transpose(1, 2)

    def map(self, search: Tensor) -> Tensor:
        """Reshape features (B, S, D) to a map (B, D, s, s)."""
        return search.transpose(1, 2).reshape(len(search), -1, self.side, self.side)


class UVLTrack(nn.Module):
    """The whole network; ``edgetrack.peers.uvltrack.graphs`` splits it into graphs that run at different times.

    Args:
        config: sizes of the network.
        backbone: a backbone in place of UVLTrack's.
    """

    def __init__(self, config: Config, backbone: Backbone | None = None) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone(config) if backbone is None else backbone
        self.box_head = BoxHead(config)

    def prompts(self, features: Features, flag: Tensor, target: Tensor) -> Tensor:
        """Return the prompts (B, 3, D) from a frame in which the target is known.

        Args:
            features: features of that frame.
            flag: int64 (B,).
            target: bool (B, Z + S), the cells of template and search region that show the target.
        """
        token, prompter = features.token(flag), self.box_head.prompter
        known = torch.cat([features.template, features.search], 1)
        plain = (flag == GROUNDING)[:, None, None]
        return torch.where(plain, prompter.queries(token), prompter(token, known, target))
