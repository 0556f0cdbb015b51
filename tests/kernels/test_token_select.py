"""The CPU twin of the token-selection kernels compared with float64 numpy, by property-based tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_select_reference import best_of, scores_of

from edgetrack._native import runtime

DTYPES = (np.float32, np.float16, np.int8)
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, 1e-45, 1e19, 3e38)
shapes = st.fixed_dictionaries(
    {
        "batch": st.integers(1, 3),
        "tokens": st.integers(1, 70),
        "width": st.integers(1, 100),
        "prototypes": st.integers(1, 4),
        "seed": st.integers(0, 2**32 - 1),
        "share": st.floats(0, 1),  # of the tokens that are kept
    }
)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def case(shape: dict[str, Any], dtype: Any = np.float32) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Draw tokens, prototypes (some of them zero, which means absent), threshold and keep."""
    rng = np.random.default_rng(shape["seed"])
    b, n, d, p = (shape[name] for name in ("batch", "tokens", "width", "prototypes"))
    tokens = rng.normal(size=(b, n, d)) * (40 if dtype == np.int8 else 1)
    prototypes = unit(rng.normal(size=(b, p, d))) * (rng.random((b, p, 1)) < 0.8).astype(np.float32)
    tokens = np.clip(np.rint(tokens), -127, 127) if dtype == np.int8 else tokens
    threshold = rng.normal(size=b).astype(np.float32) * 0.2
    return tokens.astype(dtype), prototypes, threshold, max(1, round(shape["share"] * n))


def select(tokens, prototypes, threshold, keep, keys=None):
    return runtime.token_select(tokens, tokens if keys is None else keys, prototypes, threshold, keep)


def check_consistent(tokens, threshold, keep, selected, indices, count, scores):
    """Check what holds for any input: the outputs are consistent with the scores, bit by bit."""
    np.testing.assert_array_equal(indices, best_of(scores, keep))
    np.testing.assert_array_equal(count, (scores > threshold[:, None]).sum(1))
    gathered = np.take_along_axis(tokens, indices[..., None].astype(np.int64), axis=1)
    assert selected.dtype == tokens.dtype
    assert selected.tobytes() == gathered.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=150, deadline=None)
@given(shape=shapes)
def test_select_equals_the_float64_reference(dtype, shape):
    tokens, prototypes, threshold, keep = case(shape, dtype)
    selected, indices, count, scores = select(tokens, prototypes, threshold, keep)
    check_consistent(tokens, threshold, keep, selected, indices, count, scores)
    expected = scores_of(tokens, prototypes)
    np.testing.assert_allclose(scores, expected, atol=3e-6, rtol=0)
    for row, reference, mine in zip(expected, best_of(expected, keep), indices, strict=True):
        swapped = np.setxor1d(reference, mine)  # only where float32 cannot tell two scores apart
        assert np.all(np.abs(row[swapped] - np.sort(row)[-keep]) < 6e-6)


@settings(max_examples=300, deadline=None)
@given(shape=shapes)
def test_select_is_exact_where_float32_is_exact(shape):
    """Keys are +-2^a along one axis and prototypes multiples of 1/8: there is no rounding, and there are many ties."""
    rng = np.random.default_rng(shape["seed"])
    b, n, d, p = (shape[name] for name in ("batch", "tokens", "width", "prototypes"))
    tokens = np.zeros((b, n, d), np.float32)
    size = np.float32(2.0) ** rng.integers(-20, 20, (b, n, 1)) * rng.choice([-1, 0, 1], (b, n, 1))
    np.put_along_axis(tokens, rng.integers(0, d, (b, n, 1)), size.astype(np.float32), axis=2)
    prototypes = rng.integers(-3, 4, (b, p, d)).astype(np.float32) / 8
    expected = scores_of(tokens, prototypes)
    threshold = np.float32(rng.choice(expected.astype(np.float32)[0], b))  # equal to some scores: not above
    keep = max(1, round(shape["share"] * n))
    _, indices, count, scores = select(tokens, prototypes, threshold, keep)
    np.testing.assert_array_equal(scores, expected.astype(np.float32))
    np.testing.assert_array_equal(indices, best_of(expected, keep))
    np.testing.assert_array_equal(count, (expected > threshold[:, None]).sum(1))


@settings(max_examples=200, deadline=None)
@given(shape=shapes, dense=st.booleans())
def test_special_values_are_ordered_as_specified(shape, dense):
    tokens, prototypes, threshold, keep = case(shape)
    rng = np.random.default_rng(shape["seed"])
    hit = rng.random(tokens.shape) < (0.3 if dense else 0.02)
    tokens = np.where(hit, rng.choice(SPECIAL, tokens.shape), tokens).astype(np.float32)
    selected, indices, count, scores = select(tokens, prototypes, threshold, keep)
    check_consistent(tokens, threshold, keep, selected, indices, count, scores)
    with np.errstate(all="ignore"):
        squared = (tokens * tokens).sum(-1)
        no_length = ~np.isfinite(squared)
        clear = (
            np.isfinite(squared) & (squared < 1e37) | no_length
        )  # near the end, the order of the sum decides
    np.testing.assert_array_equal(np.isnan(scores[clear]), no_length[clear])
    for row, chosen in zip(np.isnan(scores), indices, strict=True):
        assert row[chosen].sum() == max(0, keep - int((~row).sum()))  # NaN only when nothing else is left


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=300, deadline=None)
@given(shape=shapes)
def test_keeping_all_is_the_identity_and_restore_the_inverse(dtype, shape):
    tokens, prototypes, threshold, keep = case(shape, dtype)
    everything, indices, _, _ = select(tokens, prototypes, threshold, tokens.shape[1])
    np.testing.assert_array_equal(everything, tokens)
    np.testing.assert_array_equal(indices, np.broadcast_to(np.arange(tokens.shape[1]), indices.shape))
    selected, indices, _, _ = select(tokens, prototypes, threshold, keep)
    np.testing.assert_array_equal(runtime.token_restore(tokens, selected, indices), tokens)
    expected = tokens.copy()
    np.put_along_axis(expected, indices[..., None].astype(np.int64), -selected, axis=1)
    np.testing.assert_array_equal(runtime.token_restore(tokens, -selected, indices), expected)


@settings(max_examples=150, deadline=None)
@given(shape=shapes, exponent=st.integers(-12, 12))
def test_scaled_int8_is_selected_like_its_float_values(shape, exponent):
    """A scale cancels in the cosine: with powers of two, float32 computes the same bits."""
    tokens, prototypes, threshold, keep = case(shape, np.int8)
    stands_for = tokens.astype(np.float32) * np.float32(2.0) ** exponent
    _, *narrow = select(tokens, prototypes, threshold, keep)
    _, *wide = select(stands_for, prototypes, threshold, keep)
    for mine, expected in zip(narrow, wide, strict=True):
        assert mine.tobytes() == expected.tobytes()


@settings(max_examples=150, deadline=None)
@given(shape=shapes)
def test_permuted_tokens_give_permuted_scores_and_the_same_selection(shape):
    tokens, prototypes, threshold, keep = case(shape)
    order = np.random.default_rng(shape["seed"] ^ 1).permutation(tokens.shape[1])
    _, indices, count, scores = select(tokens, prototypes, threshold, keep)
    _, permuted, count_after, scores_after = select(
        np.ascontiguousarray(tokens[:, order]), prototypes, threshold, keep
    )
    assert scores_after.tobytes() == scores[:, order].tobytes()
    np.testing.assert_array_equal(count_after, count)
    for row, before, after in zip(scores, indices, permuted, strict=True):
        if len(np.unique(row)) == len(row):
            assert set(order[after]) == set(before)


@pytest.mark.parametrize(
    ("threshold", "expected"), [(-5.0, 40), (5.0, 0), (np.inf, 0), (-np.inf, 40), (np.nan, 0)]
)
def test_best_tokens_are_kept_if_all_or_none_exceed_the_threshold(threshold, expected):
    rng = np.random.default_rng(0)
    tokens, prototypes = rng.normal(size=(1, 40, 8)).astype(np.float32), unit(rng.normal(size=(1, 1, 8)))
    _, indices, count, scores = select(tokens, prototypes, np.array([threshold], np.float32), 7)
    assert count == [expected]
    np.testing.assert_array_equal(indices, best_of(scores, 7))


@pytest.mark.parametrize("row", [[0.0] * 5, [np.nan] * 5, [1.0] * 5], ids=["zeros", "nan", "equal"])
def test_ties_go_to_the_lower_index(row):
    tokens = np.tile(np.array(row, np.float32), (1, 9, 1))
    prototypes = np.full((1, 1, 5), 5**-0.5, np.float32)
    _, indices, _, scores = select(tokens, prototypes, np.zeros(1, np.float32), 4)
    np.testing.assert_array_equal(indices, [[0, 1, 2, 3]])
    assert len(np.unique(scores)) == 1


def test_absent_prototype_never_wins():
    rng = np.random.default_rng(3)
    tokens, there = rng.normal(size=(1, 30, 16)).astype(np.float32), unit(rng.normal(size=(1, 1, 16)))
    alone = select(tokens, there, np.zeros(1, np.float32), 10)[3]
    beside = select(tokens, np.concatenate([np.zeros_like(there), there], 1), np.zeros(1, np.float32), 10)[3]
    np.testing.assert_array_equal(alone, beside)


def test_keys_may_differ_from_the_tokens():
    rng = np.random.default_rng(4)
    tokens, keys = rng.normal(size=(2, 30, 5)).astype(np.float32), rng.normal(size=(2, 30, 16))
    prototypes = unit(rng.normal(size=(2, 2, 16)))
    selected, indices, _, scores = select(
        tokens, prototypes, np.zeros(2, np.float32), 10, keys.astype(np.float32)
    )
    np.testing.assert_allclose(scores, scores_of(keys, prototypes), atol=1e-6)
    np.testing.assert_array_equal(selected[1], tokens[1, indices[1]])


@pytest.mark.parametrize(("tokens", "width"), [(256, 192), (400, 192), (1024, 768)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_select_equals_the_reference_at_the_shipped_sizes(tokens, width, dtype):
    shape = {"batch": 2, "tokens": tokens, "width": width, "prototypes": 2, "seed": 7, "share": 0.5}
    values, prototypes, threshold, keep = case(shape, dtype)
    outputs = select(values, prototypes, threshold, keep)
    check_consistent(values, threshold, keep, *outputs)
    np.testing.assert_allclose(outputs[3], scores_of(values, prototypes), atol=3e-6, rtol=0)


def test_select_equals_the_training_module():
    torch = pytest.importorskip("torch")
    from edgetrack.network.selection import TokenSelect, token_restore

    torch.manual_seed(0)
    module = TokenSelect(192, keep=128)
    torch.nn.init.normal_(module.threshold.weight, std=0.1)
    tokens = torch.randn(2, 256, 192)
    prototypes = torch.nn.functional.normalize(torch.randn(2, 2, 192), dim=-1)
    prototypes[0, 1] = 0.0
    with torch.no_grad():
        kept = module(tokens, prototypes)
        keys, threshold = module.project(tokens), module.threshold(tokens.mean(1))[:, 0]
    selected, mine, count, scores = select(
        tokens.numpy(), prototypes.numpy(), threshold.numpy(), 128, keys.numpy()
    )
    np.testing.assert_array_equal(mine, kept.indices.numpy())
    np.testing.assert_array_equal(selected, kept.tokens.numpy())
    np.testing.assert_allclose(scores - threshold.numpy()[:, None], kept.margins.numpy(), atol=1e-6)
    np.testing.assert_array_equal(count, kept.above.numpy())
    restored = token_restore(tokens, torch.from_numpy(-selected), kept.indices)
    np.testing.assert_array_equal(runtime.token_restore(tokens.numpy(), -selected, mine), restored.numpy())


def call(tokens=(1, 4, 3), keys=(1, 4, 3), prototypes=(1, 2, 3), threshold=(1,), keep=2, dtype=np.float32):
    return runtime.token_select(
        np.zeros(tokens, dtype),
        np.zeros(keys, dtype),
        np.zeros(prototypes, np.float32),
        np.zeros(threshold, np.float32),
        keep,
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"keep": 0}, "keep is 0; expected 1 to 4"),
        ({"keep": 5}, "keep is 5; expected 1 to 4"),
        ({"dtype": np.float64}, "float32, float16 or int8"),
        ({"dtype": ">f4"}, "float32, float16 or int8"),
        ({"tokens": (4, 3)}, "tokens must be C-contiguous with 3 axes"),
        ({"keys": (1, 5, 3)}, r"expected tokens \(B, N, D\)"),
        ({"prototypes": (1, 2, 4)}, r"expected tokens \(B, N, D\)"),
        ({"prototypes": (2, 2, 3)}, r"expected tokens \(B, N, D\)"),
        ({"prototypes": (1, 0, 3)}, "prototypes is 0; expected 1 to 32"),
        ({"threshold": (2,)}, r"expected tokens \(B, N, D\)"),
        ({"tokens": (1, 1025, 3), "keys": (1, 1025, 3)}, "tokens is 1025; expected 1 to 1024"),
        ({"keys": (1, 4, 769), "prototypes": (1, 2, 769)}, "key is 769; expected 1 to 768"),
        (
            {
                "tokens": (0, 4, 3),
                "keys": (0, 4, 3),
                "prototypes": (0, 2, 3),
                "threshold": (0,),
            },
            "batch is 0",
        ),
        ({"tokens": (1, 0, 3), "keys": (1, 0, 3)}, "tokens is 0; expected 1 to 1024"),
    ],
)
def test_invalid_input_is_rejected(change, says):
    with pytest.raises(ValueError, match=says):
        call(**change)


@pytest.mark.parametrize("indices", [[[2, 1]], [[1, 1]], [[-1, 0]], [[0, 4]]])
def test_restore_rejects_indices_that_no_selection_gives(indices):
    tokens, selected = np.zeros((1, 4, 3), np.float32), np.ones((1, 2, 3), np.float32)
    with pytest.raises(ValueError, match="expected ascending indices from 0 to 3"):
        runtime.token_restore(tokens, selected, np.array(indices, np.int32))
