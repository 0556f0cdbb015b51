"""UVLTrack as a teacher: its outputs equal the network's, the student learns from them, and invalid teachers."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from published_weights import small_uvltrack, write_small_uvltrack

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[train]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[train]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[train]'")

import training_run  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch_sessions import TorchSession  # noqa: E402
from training_samples import Sentences, random_trunk, recipe, squares  # noqa: E402

from edgetrack.errors import ConfigError  # noqa: E402
from edgetrack.peers.bundle import AdapterBundle  # noqa: E402
from edgetrack.peers.crops import cells_of, normalized  # noqa: E402
from edgetrack.peers.uvltrack import graphs, runtime  # noqa: E402
from edgetrack.peers.uvltrack.network import BOTH, BOX, Config, UVLTrack  # noqa: E402
from edgetrack.peers.uvltrack.vocabulary import tokenizer_json  # noqa: E402
from edgetrack.training.distill import Taught, imitation  # noqa: E402
from edgetrack.training.train import Trainer  # noqa: E402
from edgetrack.training.uvl_teacher import UVLTeacher  # noqa: E402

SAMPLES = {**squares()("tracking"), "caption": ["a b", "a b"]}


@pytest.fixture(scope="module")
def network() -> UVLTrack:
    tensors = small_uvltrack(template=8, search=16)
    made = UVLTrack(Config.of({name: tuple(tensor.shape) for name, tensor in tensors.items()}))
    made.load_state_dict({name: tensors[name] for name in made.state_dict()})
    return made.eval()


@pytest.fixture
def bundle(network: UVLTrack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A bundle of the small network, whose graphs PyTorch runs; tests change what it says of itself."""
    _, vocabulary = write_small_uvltrack(tmp_path)
    said = SimpleNamespace(adapter="uvltrack", template=128, factor="4.0")
    metadata = {"tokenizer": tokenizer_json(vocabulary, 200), "search_factor": said.factor}
    modules: dict[str, Any] = {
        "text": graphs.TextGraph,
        "template": graphs.TemplateGraph,
        "encode": graphs.EncodeGraph,
        "head": graphs.HeadGraph,
        "ground": graphs.GroundGraph,
        "prompt": graphs.PromptGraph,
    }

    def opened(path: Path, *_: Any, **__: Any) -> TorchSession:
        shape = (1, 3, said.template, said.template) if path.stem == "template" else (1, 256, 64)
        metadata["search_factor"] = said.factor
        return TorchSession(modules[path.stem](network), shape, metadata=metadata)

    monkeypatch.setattr(runtime, "open_graph", opened)
    fake = SimpleNamespace(manifest=said, graphs=lambda precision: tmp_path)
    monkeypatch.setattr(AdapterBundle, "open", lambda path: fake)
    return said


@torch.no_grad()
def test_teacher_outputs_equal_the_network(network: UVLTrack, bundle: SimpleNamespace) -> None:
    """A sample by box and one by both, the second without a target, against the network as it is trained."""
    arrays = {**SAMPLES, "present": np.array([1.0, 0.0], np.float32)}
    arrays["target"] = np.zeros((2, 8, 8), np.float32)
    arrays["target"][:, 2:6, 3:5] = 1.0
    arrays["target"][:, 1, 3:5] = 0.4
    taught = UVLTeacher(Path("uvltrack")).teach(arrays, torch.tensor([0.0, 1.0]))
    flag = torch.tensor([BOX, BOTH])
    ids = torch.tensor([[2, 4, 5, 3]] * 2)
    images = [
        torch.from_numpy(normalized(arrays[name].transpose(0, 3, 1, 2).astype(np.float32)))
        for name in ("template", "search")
    ]
    features = network.backbone(*images, ids, torch.ones_like(ids), flag)
    here = np.stack([cells_of(arrays["box"][0] / 256, 16), np.zeros(256, np.bool_)])
    known = np.concatenate([arrays["target"].reshape(2, 64) > 0.5, here], 1)
    prompts, head = network.prompts(features, flag, torch.from_numpy(known)), network.box_head
    scores = head.scores(features.search) * head.likelihood(features.search, prompts)
    odds = scores.clamp(min=1e-4) / (1 - scores)
    expected = Taught(
        F.normalize(features.search, dim=-1),
        F.normalize(features.template, dim=-1),
        odds / odds.sum(1, keepdim=True),
        head.boxes(features.search),
    )
    for name, mine, theirs in zip(Taught._fields, taught, expected, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), atol=1e-5, err_msg=name)


def test_caption_without_a_word_does_not_end_the_run(bundle: SimpleNamespace) -> None:
    teacher = UVLTeacher(Path("uvltrack"))
    taught = teacher.teach({**SAMPLES, "caption": ["?", "a b"]}, torch.ones(2))
    by_box = teacher.teach(SAMPLES, torch.zeros(2))
    assert torch.equal(taught.search[0], by_box.search[0])
    assert not torch.equal(taught.search[1], by_box.search[1])


def student(taught: Taught) -> dict[str, Any]:
    """The outputs of a student that agrees with its teacher."""
    assert taught.centers is not None
    assert taught.boxes is not None
    x, y = (axis + 0.5 for axis in np.meshgrid(np.arange(16.0), np.arange(16.0)))
    boxes = taught.boxes.reshape(2, 16, 16, 4).permute(0, 3, 1, 2)
    places = torch.from_numpy(np.stack([x, y]).astype(np.float32))
    out = {
        "score": taught.centers.log().reshape(2, 1, 16, 16) + 3.0,
        "offset": boxes[:, :2] * 16 - places,
        "size": boxes[:, 2:],
    }
    return {name: value.clone().requires_grad_() for name, value in out.items()}


def test_agreement_costs_nothing_and_another_position_does(bundle: SimpleNamespace) -> None:
    taught = UVLTeacher(Path("uvltrack")).teach(SAMPLES, torch.zeros(2))
    agreed = imitation(student(taught), taught, torch.ones(2))
    assert {name: float(value.detach()) for name, value in agreed.items()} == {
        "taught_center": pytest.approx(0, abs=1e-5),
        "taught_box": pytest.approx(0, abs=1e-5),
    }
    apart = student(taught)
    changed = apart | {"score": apart["score"].flip(3), "size": apart["size"] * 1.5}
    losses = imitation(changed, taught, torch.tensor([1.0, 0.0]))
    assert float(losses["taught_center"].detach()) > 0.01
    assert float(losses["taught_box"].detach()) > 0.1
    torch.stack(list(losses.values())).sum().backward()
    for name in ("score", "size"):
        assert apart[name].grad is not None
        assert float(apart[name].grad[0].abs().max()) > 0
        assert float(apart[name].grad[1].abs().max()) == 0, "there is no target"
    assert imitation(apart, Taught(taught.search, taught.template), torch.ones(2)) == {}


def test_weight_of_the_teacher_fades(
    bundle: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetrack.network.trunk.MobileNetV2.load_imagenet", random_trunk)
    made = recipe(tmp_path, search_side=256, distill=0.5, steps=8, teacher="uvltrack")
    run = Trainer(made, lambda kind: SAMPLES if kind == "tracking" else squares()(kind), Sentences())
    batch = run._batch(SAMPLES, "tracking", run.rng)
    out = student(UVLTeacher(Path("uvltrack")).teach(SAMPLES, batch.use_text))
    out["size"] = out["size"] * 1.5
    for name, tokens in (("embedding", 256), ("anchor", 64), ("first", 3)):
        out[name] = F.normalize(torch.randn(2, tokens, 64), dim=-1)
    out["score"] = out["score"].flip(3)
    costs = []
    for run.step in (0, 2):
        losses = run._likeness(out, batch, SAMPLES)
        assert losses.keys() == {"contrast", "distill", "taught_center", "taught_box"}
        costs.append([float(losses[name].detach()) for name in ("taught_center", "taught_box")])
    np.testing.assert_allclose(costs[1], np.multiply(costs[0], 0.5), rtol=1e-5)
    run.step = 4
    assert run._likeness(out, batch, SAMPLES).keys() == {"contrast"}


def test_unsuitable_teachers_are_rejected(bundle: SimpleNamespace, tmp_path: Path) -> None:
    bundle.factor = "5.0"
    with pytest.raises(ConfigError, match=r"a search region of 256, 5 times the box; .* expected UVLTrack-B"):
        UVLTeacher(tmp_path)
    bundle.factor, bundle.template = "4.0", 64
    with pytest.raises(ConfigError, match="uses a template of 64 pixels"):
        UVLTeacher(tmp_path)
    bundle.adapter = "sdstrack"
    with pytest.raises(
        ConfigError, match="is a bundle of sdstrack; expected one that 'edgetrack export uvltrack'"
    ):
        UVLTeacher(tmp_path)
    with pytest.raises(ConfigError, match="teacher = 'b' with distill = 0, so the teacher is never used"):
        recipe(tmp_path, teacher="b")


@pytest.mark.nightly
def test_run_with_a_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a checkpoint of the teacher to a checkpoint of the student, by the commands."""
    from typer.testing import CliRunner

    from edgetrack.cli import app

    monkeypatch.chdir(tmp_path)
    weights = write_small_uvltrack(tmp_path, template=8, search=16)
    training_run.prepare(tmp_path, steps=2)
    text = (tmp_path / "tiny.toml").read_text()
    taught = 'search_side = 256\ndistill = 1.0\nteacher = "uvltrack"'
    (tmp_path / "tiny.toml").write_text(text.replace("search_side = 96", taught))
    flags = [word for path in weights for word in ("--weights", str(path))]
    for words in (["export", "uvltrack", *flags, "--output", "uvltrack"], ["train", "tiny.toml"]):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "run/last.pt").is_file()
    (line,) = [json.loads(row) for row in (tmp_path / "run/log.jsonl").read_text().splitlines()][:1]
    assert line["step"] == 2
