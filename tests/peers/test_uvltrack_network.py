"""UVLTrack's network compared with outputs of the published one, small and in full size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_weights import SHARED, closed_form, reference

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")

from edgetrack.network.weights_file import fitting, read_weights  # noqa: E402
from edgetrack.peers.uvltrack.graphs import UNUSED  # noqa: E402
from edgetrack.peers.uvltrack.network import Config, UVLTrack  # noqa: E402


def check_network(network: UVLTrack, known: Mapping[str, Any], names: Mapping[str, Any]) -> None:
    """Each output of each flag; ``names`` has what the reference calls them, and how they are read."""
    inputs = {name: torch.from_numpy(value) for name, value in known.items() if name.startswith("in_")}
    target = torch.cat([inputs["in_tmask"], inputs["in_cmask"]], 1)
    side = network.config.search
    for value in names["flags"]:
        flag = torch.full((len(target),), value)

        def features(image: Any, flag: Any = flag) -> Any:
            return network.backbone(inputs["in_template"], image, inputs["in_ids"], inputs["in_mask"], flag)

        found = features(inputs["in_search"])
        prompts = network.prompts(features(inputs["in_context"]), flag, target)
        head, grounding = network.box_head, value == 1
        outputs = {
            names["prompt"].format(value): prompts,
            names["update"].format(value): network.prompts(found, flag, target),
            names["test"].format(value, "cls_score_test"): head.scores(found.search).unflatten(
                1, (side, side)
            ),
            names["test"].format(value, "bbox_map"): head.boxes(found.search, grounding=grounding),
            names["test"].format(value, "cont_score"): head.compared(found.search, prompts),
        }
        for name, tensor in outputs.items():
            np.testing.assert_allclose(tensor.numpy(), known[name], atol=1e-4, rtol=0, err_msg=name)


@torch.no_grad()
def test_small_network_equals_the_published_one() -> None:
    known = reference("uvltrack/uvltrack_tiny_io.npz")
    given = read_weights(SHARED / "uvltrack/uvltrack_tiny_rand.pth")
    network = UVLTrack(Config.of({name: tuple(value.shape) for name, value in given.items()})).eval()
    path = Path("tiny.pth")
    network.load_state_dict(fitting(path, given, network.state_dict(), unused=UNUSED, kind="UVLTrack"))
    check_network(
        network,
        known,
        {"flags": (0, 1, 2), "prompt": "prompt{}", "update": "prompt_upd{}", "test": "test{}.{}"},
    )


@torch.no_grad()
def test_mixed_batch_equals_the_published_network() -> None:
    """As in training: each pair of the batch is told by something else, and is the other's earlier frame."""
    known = reference("uvltrack/uvltrack_tiny_io.npz")
    given = read_weights(SHARED / "uvltrack/uvltrack_tiny_rand.pth")
    network = UVLTrack(Config.of({name: tuple(value.shape) for name, value in given.items()})).eval()
    network.load_state_dict(given, strict=False)
    inputs = [torch.from_numpy(known[f"in_{name}"]) for name in ("template", "search", "ids", "mask")]
    matching = []
    for flags in [(a, b) for a in (0, 1, 2) for b in (0, 1, 2) if a != b]:
        found = network.backbone(*inputs, torch.tensor(flags))
        matching.append(np.abs(found.search.numpy() - known["mixed.search"]).max() < 1e-4)
        matching[-1] &= np.abs(found.text.numpy() - known["mixed.text"]).max() < 1e-4
    assert sum(matching) == 1  # the reference does not say which two they were


@pytest.mark.parametrize(("size", "width", "factor"), [("base", 768, 4.0), ("large", 1024, 5.0)])
def test_names_and_shapes_equal_those_of_the_published_files(size: str, width: int, factor: float) -> None:
    path = SHARED / f"uvltrack/keys_baseline_{size}.txt"
    if not path.is_file():
        pytest.skip(f"the published names are not here: {path} does not exist")
    rows = [line.split("\t")[:2] for line in path.read_text().splitlines()]
    listed = {name: tuple(int(n) for n in re.findall(r"\d+", shape)) for name, shape in rows}
    config = Config.of(listed)
    assert (config.width, config.factor) == (width, factor)
    with torch.device("meta"):
        state = {name: tuple(value.shape) for name, value in UVLTrack(config).state_dict().items()}
    assert state.items() <= listed.items()
    assert all(name.startswith(UNUSED) for name in listed.keys() - state.keys())


@pytest.mark.nightly
@torch.no_grad()
def test_full_network_equals_the_published_one() -> None:
    known = reference("uvltrack/uvltrack_B_io.npz")
    network = UVLTrack(Config()).eval()
    state = network.state_dict()
    for name, value in state.items():
        if "pos_embed" not in name and not name.endswith("num_batches_tracked"):
            value.copy_(torch.from_numpy(np.asarray(closed_form(name, tuple(value.shape)))))
    for part, side in (("z", 8), ("x", 16)):
        state[f"backbone.vit.pos_embed_{part}"].copy_(torch.from_numpy(sine_embedding(side, 768)))
    check_network(
        network,
        known,
        {"flags": (0, 2), "prompt": "prompt{}", "update": "prompt_upd{}", "test": "track{}.{}"},
    )


def sine_embedding(side: int, width: int) -> np.ndarray:
    """Of a masked autoencoder: sines and cosines of x, then of y, (1, side * side, width)."""
    rates = 1 / 10000 ** (np.arange(width // 4) / (width / 4))
    y, x = (axis.reshape(-1, 1) * rates for axis in np.mgrid[:side, :side])
    return np.concatenate([np.sin(x), np.cos(x), np.sin(y), np.cos(y)], 1)[None].astype(np.float32)
