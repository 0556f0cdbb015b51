from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Four = tuple[float, float, float, float]
_Three = tuple[float, float, float]
_Specs = Sequence[tuple[str, str, tuple[int, ...]]]
_Arrays = dict[str, NDArray[Any]]
_Frame = NDArray[np.uint8] | tuple[int, int, int, int]  # the second: address, width, height, row_bytes
_Track = tuple[_Four | None, float, str, int, str, list[tuple[_Four, float]]]

def crop(
    pixels: NDArray[np.uint8],
    region: _Four,
    out: NDArray[np.float32],
    mean: _Three,
    std: _Three,
    fill: _Three,
) -> None: ...
def crop_square(pixels: NDArray[np.uint8], x: int, y: int, side: int, out: NDArray[np.float32]) -> None: ...
def listen_to_decoder(place: str, change: int) -> bool: ...
def decoder_messages(since: int) -> tuple[int, list[tuple[bool, bool, bytes]]]: ...

LARGEST_GRAPH: int
LONGEST_TEXT: int

def check_tensors(graphs: Mapping[str, tuple[_Specs, ...]], lengths: Mapping[str, int]) -> None: ...
def outside_weights(onnx: bytes, origin: str) -> list[tuple[bytes, int, int]]: ...
def policy(thresholds: Mapping[str, float]) -> dict[str, Any]: ...

class Text:  # without parts unless a Tokenizer made it
    def __init__(self, ids: NDArray[np.int64], mask: NDArray[np.float32]) -> None: ...

class Tokenizer:
    def __init__(self, path: str, length: int) -> None: ...
    def encode(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...
    def text(self, text: str) -> Text: ...
    def tokens(self, text: str) -> list[int]: ...

ORT_SETTINGS: list[tuple[str, str]]

class Call:
    def __call__(self) -> None: ...

class OrtLibrary:
    def __init__(self, file: str) -> None: ...
    @property
    def version(self) -> str: ...

class OrtGraph:
    def __init__(self, library: OrtLibrary, role: str, path: str, threads: int, operators: str) -> None: ...
    @property
    def inputs(self) -> list[tuple[str, str, tuple[int, ...]]]: ...
    @property
    def outputs(self) -> list[tuple[str, str, tuple[int, ...]]]: ...
    def bind(self, inputs: _Arrays, outputs: _Arrays) -> Call: ...

class Loan:
    def __init__(self, capsule: object) -> None: ...
    def close(self) -> None: ...
    @property
    def address(self) -> int: ...
    @property
    def dtype(self) -> str: ...
    @property
    def device(self) -> tuple[int, int]: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def strides(self) -> tuple[int, ...] | None: ...

class Tracker:
    def __init__(
        self,
        *,
        graph: Callable[[str], tuple[_Specs, _Specs]],
        bind: Callable[[str, _Arrays, _Arrays], Callable[..., object]],
        concurrent: bool,
        template_factor: float,
        search_factor: float,
        mean: _Three,
        std: _Three,
        fill: _Three,
        ranks: bool,
        policy: Mapping[str, float],
    ) -> None: ...
    def start(
        self,
        pixels: _Frame,
        text: Text | None,
        box: _Four | None,
    ) -> _Track: ...
    def update(self, pixels: _Frame, deadline_ms: float | None = None) -> _Track: ...
    def warm_up(self) -> None: ...
    def rest(self) -> None: ...
    def set_static_check(self, on: bool) -> None: ...
    def set_text(self, text: Text) -> None: ...
    def reset(self) -> None: ...
    def timing(self) -> _Three: ...

class MultiTracker:
    def __init__(
        self,
        *,
        graph: Callable[[str], tuple[_Specs, _Specs]],
        bind: Callable[[str, _Arrays, _Arrays], Callable[..., object]],
        concurrent: bool,
        template_factor: float,
        search_factor: float,
        mean: _Three,
        std: _Three,
        fill: _Three,
        ranks: bool,
        policy: Mapping[str, float],
        batches: list[int],
        exclusive: bool,
    ) -> None: ...
    def warm_up(self) -> None: ...
    def rest(self) -> None: ...
    def add(
        self,
        name: str,
        text: Text | None,
        box: _Four | None,
    ) -> None: ...
    def remove(self, name: str) -> None: ...
    def set_text(self, name: str, text: Text) -> None: ...
    def set_static_check(self, on: bool) -> None: ...
    def names(self) -> list[str]: ...
    def update(
        self, pixels: _Frame, deadline_ms: float | None = None
    ) -> tuple[list[tuple[str, _Track | None, Exception | None, _Three]], Exception | None]: ...

def crop_bgr_pixels(
    pixels: NDArray[np.uint8],
    region: _Four,
    out: NDArray[np.float32],
    mean: _Three,
    std: _Three,
    fill: _Three,
) -> None: ...
def crop_nv12(
    luma: NDArray[np.uint8],
    chroma: NDArray[np.uint8],
    region: _Four,
    out: NDArray[np.float32],
    mean: _Three,
    std: _Three,
    fill: _Three,
) -> None: ...
def token_select(
    tokens: NDArray[Any],
    keys: NDArray[Any],
    prototypes: NDArray[np.float32],
    threshold: NDArray[np.float32],
    keep: int,
) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]: ...
def token_restore(
    tokens: NDArray[Any], selected: NDArray[Any], indices: NDArray[np.int32]
) -> NDArray[Any]: ...
