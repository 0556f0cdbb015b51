"""What a network costs, by count: operations of one call and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Parameters(NamedTuple):
    """How many numbers a network has."""

    all: int
    trainable: int


def parameters(*networks: nn.Module) -> Parameters:
    """Count the parameters, and those of them that learn."""
    sizes = [(p.numel(), p.requires_grad) for network in networks for p in network.parameters()]
    return Parameters(sum(size for size, _ in sizes), sum(size for size, learns in sizes if learns))


@torch.no_grad()
def multiplications(call: Callable[[], object]) -> int:
    """Count the multiply-accumulates of the matrix products and convolutions of a call.

    That is what most papers on trackers call FLOPs. Tensors on the device "meta" count as others do, and cost nothing.
    """
    counter = FlopCounterMode(display=False)
    with counter:
        call()
    return counter.get_total_flops() // 2
