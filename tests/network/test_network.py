"""The modes of the network, and valid recipes and checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

from edgetrack.errors import ConfigError, ExportError  # noqa: E402
from edgetrack.network.fusion import attend  # noqa: E402
from edgetrack.network.network import EdgetrackNet  # noqa: E402
from edgetrack.network.selection import TokenSelect, token_restore, token_select  # noqa: E402
from edgetrack.network.text import CHECKPOINT, TextEncoder  # noqa: E402
from edgetrack.training import checkpoint  # noqa: E402
from edgetrack.training.batches import Batch, forward  # noqa: E402
from edgetrack.training.recipe import Recipe  # noqa: E402


@pytest.fixture(scope="module")
def net() -> EdgetrackNet:
    torch.manual_seed(0)
    net = EdgetrackNet().eval()
    torch.nn.init.normal_(
        net.text_film.weight, std=0.05
    )  # training starts it at zero, where it has no effect
    return net


def known(net: EdgetrackNet, *, template: float, text: float, seed: int = 0) -> dict[str, Any]:
    torch.manual_seed(seed)
    seen = net.template(torch.rand(1, 3, 128, 128) * 2 - 1, torch.ones(1, 1, 8, 8))
    said = net.prompt(torch.randn(1, 24, 384), torch.ones(1, 24))
    return {
        "memory": torch.cat((seen["memory"], said["memory"]), 2),
        "memory_mask": torch.cat((torch.full((1, 64), template), torch.full((1, 24), text)), 1),
        "film": said["film"] * text,
        "anchor": seen["anchor"] * template,
        "prompts": seen["prompts"] * template,
        "prototypes": torch.stack((seen["prototype"] * template, said["prototype"] * text), 1),
    }


@torch.no_grad()
@pytest.mark.parametrize(("template", "text"), [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)])
def test_masked_input_has_no_effect_and_unmasked_input_has(
    net: EdgetrackNet, template: float, text: float
) -> None:
    image = torch.rand(1, 3, 256, 256) * 2 - 1
    base = known(net, template=template, text=text)
    other = known(net, template=template, text=text, seed=1)
    out = net.search(image, **base)
    assert all(torch.isfinite(v).all() for v in out.values())
    assert out["score"].shape == (1, 1, 16, 16)
    for part, used in ((slice(0, 64), template), (slice(64, 88), text)):
        memory = base["memory"].clone()
        memory[:, :, part] = other["memory"][:, :, part]
        changed = net.search(image, **{**base, "memory": memory})
        same = torch.allclose(changed["score"], out["score"], atol=1e-6)
        assert same == (used == 0.0)


@torch.no_grad()
@pytest.mark.parametrize(("template", "text"), [(1.0, 0.0), (0.0, 1.0)])
def test_batch_hides_absent_templates_and_sentences(net: EdgetrackNet, template: float, text: float) -> None:
    """Training hides an absent template or sentence like a device does: completely, on every path into the network."""
    torch.nn.init.normal_(net.contrast.weight, std=0.5)  # training starts it at zero

    def score(*, picture: int, words: int) -> Any:
        image = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(5)) * 2 - 1
        seen = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(picture)) * 2 - 1
        said = torch.randn(1, 24, 384, generator=torch.Generator().manual_seed(words))
        batch = Batch(
            image=image,
            template=seen,
            target=torch.ones(1, 1, 8, 8),
            tokens=said,
            mask=torch.ones(1, 24),
            use_template=torch.full((1,), template),
            use_text=torch.full((1,), text),
            box=torch.zeros(1, 4),
            present=torch.ones(1),
        )
        return forward(net, batch)["score"]

    first, other_picture, other_words = (
        score(picture=picture, words=words) for picture, words in ((1, 1), (2, 1), (1, 2))
    )
    torch.nn.init.zeros_(net.contrast.weight)
    assert torch.allclose(first, other_picture, atol=1e-6) == (template == 0.0)
    assert torch.allclose(first, other_words, atol=1e-6) == (text == 0.0)


@torch.no_grad()
def test_one_set_of_weights_serves_search_regions_and_whole_frames(net: EdgetrackNet) -> None:
    out = net.search(torch.zeros(1, 3, 320, 320), **known(net, template=0.0, text=1.0))
    assert out["size"].shape == (1, 2, 20, 20)
    assert float(out["size"].min()) > 0


def test_selection_keeps_the_most_similar_tokens_in_order() -> None:
    torch.manual_seed(0)
    select = TokenSelect(192, keep=16)
    tokens, prototypes = torch.randn(2, 64, 192), torch.zeros(2, 2, 192)
    prototypes[:, 0] = torch.nn.functional.normalize(torch.randn(2, 192), dim=-1)
    kept = select(tokens, prototypes)
    projected = torch.nn.functional.normalize(select.project(tokens), dim=-1)
    cosine = (projected * prototypes[:, :1]).sum(-1)
    best = cosine.topk(16, dim=1).indices.sort(dim=1).values
    assert torch.equal(kept.indices, best.int())  # the prototype of zeros never wins
    assert torch.allclose(kept.margins, cosine, atol=1e-6)  # not even where all others are unlike
    assert torch.equal(kept.tokens, torch.stack([t[i] for t, i in zip(tokens, best, strict=True)]))
    assert torch.equal(kept.above, (kept.margins > 0).sum(1).int())
    assert kept.gates.shape == (2, 16)


def test_restoring_is_the_inverse_of_gathering() -> None:
    tokens, prototypes = torch.randn(2, 10, 4), torch.eye(4)[None, :2].repeat(2, 1, 1)
    selected, indices, _, _ = token_select(tokens, tokens, prototypes, torch.zeros(2), keep=3)
    assert torch.equal(token_restore(tokens, selected, indices), tokens)
    written = token_restore(tokens, torch.zeros(2, 3, 4), indices)
    assert int((written == 0).all(-1).sum()) == 6


def test_attention_without_keys_is_zero() -> None:
    q, k = torch.randn(1, 5, 192), torch.randn(1, 7, 192)
    assert torch.equal(attend(q, k, k, torch.zeros(1, 7)), torch.zeros(1, 5, 192))


def test_run_may_start_from_an_older_network(tmp_path: Path) -> None:
    torch.manual_seed(3)
    older, newer = EdgetrackNet(), EdgetrackNet()
    weights = {k: v for k, v in older.state_dict().items() if not k.startswith("contrast.")}
    torch.save({"model": weights, "config": {}}, tmp_path / "old.pt")
    checkpoint.start_from(newer, str(tmp_path / "old.pt"))
    assert torch.equal(newer.heads.score.weight, older.heads.score.weight)
    assert not newer.contrast.weight.any()  # the new part begins without effect
    torch.save({"model": {**weights, "gone.weight": torch.ones(1)}, "config": {}}, tmp_path / "other.pt")
    with pytest.raises(ConfigError, match=r"'gone\.weight'; expected a checkpoint of edgetrack train"):
        checkpoint.start_from(newer, str(tmp_path / "other.pt"))


def test_frozen_parameters_get_no_gradient_until_unfrozen() -> None:
    net = EdgetrackNet()
    for frozen in (13, 7):
        net.freeze(frozen)
        net.zero_grad(set_to_none=True)
        net.features(torch.zeros(1, 3, 64, 64)).sum().backward()
        learned = [block.project.conv.weight.grad is not None for block in net.trunk.blocks]
        assert learned == [i >= frozen for i in range(17)]
        assert net.trunk.stem.conv.weight.grad is None


def test_new_network_is_frozen_as_requested() -> None:
    net = EdgetrackNet(frozen_blocks=12)
    learns = [name for name, weight in net.trunk.named_parameters() if weight.requires_grad]
    assert {int(name.split(".")[1]) for name in learns} == {12, 13, 14, 15, 16}


def test_only_the_named_parts_are_trained() -> None:
    net = EdgetrackNet()
    net.train_only(["heads", "in_target"])
    learned = {name.partition(".")[0] for name, weight in net.named_parameters() if weight.requires_grad}
    assert learned == {"heads", "in_target"}
    with pytest.raises(ConfigError, match="no part 'head' to train; its parts are"):
        net.train_only(["head"])


@torch.no_grad()
def test_token_below_the_threshold_is_unchanged() -> None:
    torch.manual_seed(0)
    net = EdgetrackNet(keep=16).eval()
    tokens, memory, mask = torch.randn(1, 64, 192), torch.randn(1, 4, 8, 192), torch.ones(1, 8)
    prototypes = torch.nn.functional.normalize(torch.randn(1, 2, 192), dim=-1)

    def update(threshold: float) -> Any:
        net.select.threshold.bias.fill_(threshold)
        return net.refine(tokens, memory, mask, prototypes)[0] - tokens

    shut, half, wide = update(9.0), update(0.3), update(-9.0)
    assert float(shut.abs().max()) < 1e-5
    assert int((wide.abs().amax(-1) > 1e-3).sum()) == 16
    kept = net.select(tokens, prototypes)
    net.select.threshold.bias.fill_(0.3)
    gates = net.select(tokens, prototypes).gates
    assert 0.0 < float(gates.min()) < float(gates.max()) < 1.0
    chosen = kept.indices[0].long()
    assert torch.allclose(half[0, chosen], wide[0, chosen] * gates[0, :, None], atol=1e-4)


@torch.no_grad()
def test_channels_attend_to_each_other_in_a_search(net: EdgetrackNet) -> None:
    image, base = torch.rand(1, 3, 128, 128) * 2 - 1, known(net, template=1.0, text=1.0)
    plain = net.search(image, **base)["score"]
    torch.nn.init.normal_(net.channels.out.weight, std=0.5)  # training starts it at zero
    mixed = net.search(image, **base)["score"]
    torch.nn.init.zeros_(net.channels.out.weight)
    assert not torch.allclose(plain, mixed, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "word"),
    [("name = ", "not valid TOML"), ('name = "x"\nsped = 3', "sped"), ('name = "x"', "missing")],
)
def test_bad_recipe_is_named(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=word):
        Recipe.load(path)


def test_shipped_recipes_are_valid(repository: Path) -> None:
    for path in (repository / "edgetrack" / "training" / "recipes").glob("*.toml"):
        if path.stem.partition("_")[0] in ("grounder", "litetrack", "masks", "sensors"):
            continue  # of another kind: they have train modules of their own
        assert Recipe.load(path).name == path.stem


def test_invalid_checkpoint_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        checkpoint.load(tmp_path / "none.pt")
    torch.save({"a": 1}, tmp_path / "odd.pt")
    with pytest.raises(ConfigError, match="not an edgetrack checkpoint"):
        checkpoint.load(tmp_path / "odd.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "odd.pt").read_bytes()[:200])
    (tmp_path / "text.pt").write_text("no pickle at all")
    for damaged in ("cut.pt", "text.pt"):
        with pytest.raises(
            ConfigError, match=rf"{damaged} cannot be read \(.*restore it from a copy, or delete"
        ):
            checkpoint.load(tmp_path / damaged)


class Harmful:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.victim,)


def test_loading_weights_executes_nothing_in_the_file(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
    from edgetrack.export.pipeline import load_checkpoint
    from edgetrack.peers.nanotrack.v3 import graphs

    victim, harm = tmp_path / "victim", tmp_path / "harm.pth"
    state = {"model": {}, "config": {}, "state_dict": {}, "words.weight": Harmful(victim)}
    torch.save(state, harm)
    torch.save(state, tmp_path / CHECKPOINT)
    for reads, error in (
        (lambda: checkpoint.load(harm), ConfigError),
        (lambda: load_checkpoint(harm), ExportError),
        (lambda: graphs(harm), ExportError),
        (lambda: TextEncoder.load(tmp_path), ConfigError),
    ):
        with pytest.raises(error, match=r"cannot be (read|loaded)"):
            reads()
        assert not victim.exists()
    torch.load(harm, weights_only=False)
    assert victim.exists(), "the pickle would do harm"
