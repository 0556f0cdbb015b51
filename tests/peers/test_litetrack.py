"""LiteTrack's network: its cost, dropped tokens and masks, frozen parts, and its graphs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_weights import small_litetrack, small_uvltrack, write_small_uvltrack

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[export]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'edgetrack[export]'")

from edgetrack.errors import BundleError, EngineUnavailable, ExportError  # noqa: E402
from edgetrack.export.adapters import torch_graph  # noqa: E402
from edgetrack.network.cost import multiplications, parameters  # noqa: E402
from edgetrack.peers.litetrack import Published  # noqa: E402
from edgetrack.peers.litetrack.graphs import LiteTrackAdapter  # noqa: E402
from edgetrack.peers.litetrack.network import LiteTrack  # noqa: E402
from edgetrack.peers.sessions import Bf16Session  # noqa: E402
from edgetrack.peers.uvltrack.graphs import EncodeGraph  # noqa: E402
from edgetrack.peers.uvltrack.network import BOTH, BOX, GROUNDING, Config, UVLTrack  # noqa: E402


def step(network: UVLTrack) -> None:
    """Run a frame of tracking by box and a sentence of 40 word pieces, like the published figures."""
    width, ones = network.config.width, torch.ones(1, 40)
    images = torch.zeros(1, 3, 128, 128), torch.zeros(1, 3, 256, 256)
    search = network.backbone(*images, ones.long(), ones, torch.full((1,), BOTH)).search
    head, prompts = network.box_head, torch.zeros(1, 3, width)
    head.scores(search), head.likelihood(search, prompts), head.boxes(search)


def test_operations_and_parameters_equal_the_published_counts(repository: Path) -> None:
    """Those in the documentation, and how the parameters that learn become the 108.4 M of LiteTrack's README."""
    with torch.device("meta"):
        costs = {"UVLTrack-B": multiplications(lambda: step(UVLTrack(Config())))}
        for keep in (256, 128):
            network = LiteTrack(Config(), keep)
            costs[f"LiteTrack-B, {keep} tokens"] = multiplications(partial(step, network))
        page = (repository / "docs/training.md").read_text()
        for name, cost in costs.items():
            assert f"| {name} | {cost / 1e9:.1f} |" in page
        network.freeze(4)
        learning = parameters(network)
        assert f"{learning.trainable / 1e6:.1f} M of its {learning.all / 1e6:.1f} M" in page
        network.freeze(7)
        assert f"({parameters(network).trainable / 1e6:.1f} M at the start)" in page
    backbone = network.backbone
    new = sum(parameters(part).all for part in (backbone.channels, backbone.enhance, backbone.select))
    squeeze = 768 * 48 + 48 + 48 * 768 + 768  # the README's gate of channels, in the eight blocks that learn
    unread = 4 * 768 * 768 + 3 * 768 + 2 * 768 + 1  # what its code has of UVLTrack's, and does not read
    assert learning.trainable - new + 8 * squeeze + unread == pytest.approx(108.4e6, rel=1e-3)


def inputs(flags: list[int]) -> tuple[Any, ...]:
    random = torch.Generator().manual_seed(3)
    count = len(flags)
    template, search = (torch.randn(count, 3, side, side, generator=random) for side in (64, 128))
    words = torch.zeros(count, 40)
    for row, length in zip(words, (5, 9, 7, 12), strict=False):
        row[:length] = 1
    ids = torch.randint(4, 200, (count, 40), generator=random) * words.long()
    return template, search, ids, words, torch.tensor(flags)


@torch.no_grad()
def test_network_with_all_gates_open_equals_uvltrack() -> None:
    weights = small_uvltrack()
    config = Config.of({name: tuple(value.shape) for name, value in weights.items()})
    published, network = UVLTrack(config).eval(), LiteTrack(config, 64).eval()
    published.load_state_dict({name: weights[name] for name in published.state_dict()})
    network.load_state_dict({**network.state_dict(), **published.state_dict()})
    network.backbone.select.threshold.bias.fill_(-1e3)  # every gate is open
    batch = inputs([BOX, GROUNDING, BOTH])
    mine, theirs = network.backbone(*batch), published.backbone(*batch)
    for name in ("search", "template", "image_token", "text"):
        np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), atol=1e-5, err_msg=name)


@torch.no_grad()
def test_masked_tokens_have_no_more_effect_than_dropped_ones() -> None:
    network = small_litetrack().backbone
    template, search, ids, words, flags = inputs([BOX, GROUNDING, BOTH])
    masked = network(template, search, ids, words, flags)
    for row, flag in enumerate(flags.tolist()):
        own = slice(row, row + 1)
        length = 0 if flag == BOX else int(words[row].sum())
        z = network.vit.template_tokens(template[own])[:, : 0 if flag == GROUNDING else None]
        text = network.text_tokens(ids[own, : max(length, 1)])[:, :length]
        alone, _, told = network.encoded(network.vit.search_tokens(search[own]), z, text)
        np.testing.assert_allclose(masked.search[own], alone, atol=2e-5, err_msg=str(flag))
        np.testing.assert_allclose(masked.text[own, :length], told, atol=2e-5, err_msg=str(flag))


@torch.no_grad()
def test_tokens_are_dropped() -> None:
    """The upper layers see as many as are kept, and leave the others as the lower layers made them."""
    network = small_litetrack(keep=24).backbone
    seen: list[int] = []
    for block in network.vit.blocks:
        block.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[1]))
    features, chosen = network.features(*inputs([BOTH, BOX]))
    assert seen == [17 + 64, 17 + 64, 17 + 24 + 40, 17 + 24 + 40]
    wider = small_litetrack(keep=25).backbone.features(*inputs([BOTH, BOX]))[1]
    best = chosen.margins.topk(24, 1).indices.sort(1).values
    assert torch.equal(best, chosen.indices.long())
    assert all(set(a.tolist()) < set(b.tolist()) for a, b in zip(chosen.indices, wider.indices, strict=True))
    below = small_litetrack(keep=24).backbone
    for channels in below.channels:
        channels.out.bias.fill_(7.0)
    changed = (below(*inputs([BOTH, BOX])).search != features.search).any(-1)
    assert torch.equal(changed, torch.zeros(2, 64).scatter(1, best, 1.0) > 0)


def test_gradients_reach_exactly_the_trainable_parameters() -> None:
    network = small_litetrack()
    network.freeze(1)
    features, chosen = network.backbone.features(*inputs([BOX, GROUNDING, BOTH]))
    known = torch.zeros(3, 80, dtype=torch.bool)
    known[:, :20] = True
    prompts = network.prompts(features, torch.tensor([BOX, GROUNDING, BOTH]), known)
    head = network.box_head
    outputs = [head.compared(features.search, prompts), head.scores(features.search), chosen.margins]
    outputs += [head.boxes(features.search, grounding=grounding) for grounding in (False, True)]
    sum(output.square().sum() for output in outputs).backward()
    without = {name for name, p in network.named_parameters() if p.grad is None}
    held = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert without == held
    for part in (
        "vit.blocks.0.attn.",
        "vit.blocks.0.mlp.",
        "vit.pos_embed_",
        "vit.patch_embed.",
        "bert.embeddings.",
    ):
        assert any(name.startswith(f"backbone.{part}") for name in held), part
    for part in (
        "vit.blocks.0.norm1",
        "vit.blocks.1.attn.qkv",
        "bert.encoder.layer.1.",
        "select.",
        "channels.0.",
    ):
        assert not any(name.startswith(f"backbone.{part}") for name in held), part
    network.freeze(0)
    assert network.backbone.vit.blocks[0].attn.qkv.weight.requires_grad


@pytest.mark.nightly  # it is traced for seconds
def test_graph_accepts_any_sentence_and_no_template(tmp_path: Path) -> None:
    """Its operators travel in the file, so that ONNX Runtime needs nothing of edgetrack's."""
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    network = LiteTrack(Config(64, 2, 1, 128, 200, template=4, search=8, head=32), 24)
    for layer in (network.backbone.channels[0].out, network.backbone.vit.blocks[0].attn.qkv):
        torch.nn.init.normal_(layer.weight, std=0.3)
    names = ["search_features", "template_features", "text_features"]
    model = torch_graph(
        EncodeGraph(network),
        inputs={"image": (1, 3, 128, 128), "template": (1, 17, 64), "text": (1, 7, 64)},
        outputs=names,
        dynamic={"template": [1], "text": [1]},
    )
    assert {node.op_type for node in model.graph.node} >= {"TokenSelect", "TokenRestore"}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    for z, words in ((17, 0), (0, 3), (17, 11)):
        shapes = (1, 3, 128, 128), (1, z, 64), (1, words, 64)
        given = [random.normal(size=shape).astype(np.float32) for shape in shapes]
        found = session.run(names, dict(zip(("image", "template", "text"), given, strict=True)))
        with torch.no_grad():
            wanted = EncodeGraph(network)(*map(torch.from_numpy, given))
        for name, mine, theirs in zip(names, found, wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-4, err_msg=f"{name} {z} {words}")
    pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    (tmp_path / "encode.onnx").write_bytes(model.SerializeToString())
    try:
        rounded = Bf16Session(tmp_path / "encode.onnx", 1, "litetrack")
    except EngineUnavailable as error:
        pytest.skip(str(error))
    nearly = rounded.run(None, dict(zip(("image", "template", "text"), given, strict=True)))
    for mine, theirs in zip(nearly, wanted, strict=True):  # a token at the threshold may be another one
        assert 0 < np.abs(mine - theirs.numpy()).mean() < 0.1


def test_unsuitable_checkpoints_are_rejected(tmp_path: Path) -> None:
    published, _ = write_small_uvltrack(tmp_path)
    with pytest.raises(
        ExportError, match=r"is not a checkpoint of LiteTrack: it lacks .* 'backbone.channels"
    ):
        LiteTrackAdapter().network(published)
    network = small_litetrack()
    for keep in (0, 65):
        torch.save(
            {"model": {**network.state_dict(), "backbone.keep": torch.tensor(keep)}}, tmp_path / "last.pt"
        )
        with pytest.raises(ExportError, match=f"it keeps {keep} of 64 search tokens"):
            LiteTrackAdapter().network(tmp_path / "last.pt")
    torch.save({"model": network.state_dict()}, tmp_path / "last.pt")
    assert LiteTrackAdapter().network(tmp_path / "last.pt").backbone.select.keep == 24
    with pytest.raises(BundleError, match=r"text\.onnx cannot be loaded .* edgetrack export litetrack"):
        Published().open(tmp_path, threads=1)
