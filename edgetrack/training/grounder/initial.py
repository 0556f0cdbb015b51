"""The weights of the grounding network out of a bundle: where a run begins that has no checkpoint of its own."""

from __future__ import annotations

from torch import Tensor

from edgetrack.bundle import EYE, Bundle
from edgetrack.errors import ConfigError
from edgetrack.training.parameters import parameters_of


def weights_of(bundle: Bundle) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Read the detector's and the grounding network's weights, by the names of their parameters.

    Raises:
        ConfigError: The bundle has no grounding network.
    """
    if "rank" not in bundle.graphs:
        raise ConfigError(
            f"model {bundle.manifest.name} has no grounding network; expected one that was exported with --grounder"
        )
    weights: dict[str, Tensor] = {}
    for role in EYE:
        weights |= parameters_of(bundle.path(role))
    parts = {
        part: {name.removeprefix(f"{part}."): w for name, w in weights.items() if name.startswith(f"{part}.")}
        for part in ("detector", "grounder")
    }
    return parts["detector"], parts["grounder"]
