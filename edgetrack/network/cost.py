"""The cost of a network: operations of one call, and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Parameters(NamedTuple):
    """Numbers of parameters of a network."""

    all: int
    trainable: int


def parameters(*networks: nn.Module) -> Parameters:
    """Count all parameters and the trainable ones."""
    sizes = [(p.numel(), p.requires_grad) for network in networks for p in network.parameters()]
    return Parameters(sum(size for size, _ in sizes), sum(size for size, learns in sizes if learns))


@torch.no_grad()
def multiplications(call: Callable[[], object]) -> int:
    """Count the multiply-accumulate operations of the matrix products and convolutions in a call.

    Most papers on trackers call this number FLOPs. Tensors on the device "meta" are counted like others and need no
    memory or computation.
    """
    counter = FlopCounterMode(display=False)
    with counter:
        call()
    return counter.get_total_flops() // 2
