"""The sizes of SUTrack's variants, from the shapes in a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

_HEAD = 64  # channels of an attention head, in both encoders
_TINY = 384  # channels of SUTrack-T, which has one template; the others have a second one, which is updated
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Config:
    """The sizes of a variant; the defaults are those of SUTrack-T224."""

    width: int = 384
    stem: tuple[int, int] = (1, 1)  # blocks of the first two stages
    depth: int = 12  # blocks with attention
    search: int = 14  # cells of 16 pixels per side
    head: int = 256  # channels of the first layer of the head
    text_width: int = 768
    text_depth: int = 12
    text_output: int = 768
    vocabulary: int = 49_408
    text_length: int = 77  # maximum number of tokens

    @property
    def template(self) -> int:
        """Return the number of cells per side of the template."""
        return self.search // 2

    @property
    def templates(self) -> int:
        """Return the number of templates."""
        return 1 if self.width <= _TINY else 2

    @property
    def heads(self) -> int:
        """Return the number of attention heads in the image encoder."""
        return self.width // _HEAD

    @property
    def text_heads(self) -> int:
        """Return the number of attention heads in the text encoder."""
        return self.text_width // _HEAD

    @classmethod
    def of(cls, shapes: Shapes) -> Config:
        """Return the variant of a checkpoint.

        Raises:
            KeyError, IndexError, ValueError: it is not a checkpoint of SUTrack with Fast-iTPN.
        """
        width, clip = shapes["encoder.body.cls_token"][-1], "text_encoder.clip"
        vocabulary, text_width = shapes[f"{clip}.token_embedding.weight"]
        if not width or not text_width or width % _HEAD or text_width % _HEAD:
            raise ValueError(
                f"its tokens have {width} and {text_width} channels; expected multiples of {_HEAD}"
            )
        cells = shapes["encoder.body.pos_embed"][1]
        search = math.isqrt(4 * cells // 5)  # the template has half as many cells per side
        if search % 2 or 5 * search**2 != 4 * cells:
            raise ValueError(
                f"it has {cells} positions; expected the positions of a square and of one with half its side"
            )
        first, second = _merges(shapes)
        return cls(
            width=width,
            stem=(first, second - first - 1),
            depth=_count(shapes, "encoder.body.blocks.") - second - 1,
            search=search,
            head=shapes["decoder.conv1_ctr.0.bias"][0],
            text_width=text_width,
            text_depth=_count(shapes, f"{clip}.transformer.resblocks."),
            text_output=shapes[f"{clip}.text_projection"][1],
            vocabulary=vocabulary,
            text_length=shapes[f"{clip}.positional_embedding"][0],
        )


def _merges(shapes: Shapes) -> tuple[int, int]:
    """Return the indices of the two blocks that halve the feature map."""
    found = sorted(int(name.split(".")[3]) for name in shapes if name.endswith(".reduction.weight"))
    if len(found) != 2:
        raise ValueError(f"{len(found)} of its blocks halve the feature map; expected 2")
    return found[0], found[1]


def _count(shapes: Shapes, start: str) -> int:
    return len({name[len(start) :].split(".")[0] for name in shapes if name.startswith(start)})
