"""Image files: folders of images, and files with several images."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import SourceError
from edgetrack.io.opencv import load_cv2, silent
from edgetrack.io.reading import Reading
from edgetrack.types import Frame

Pixels = NDArray[np.uint8]
Frames = Generator[Frame, None, None]

_NAMES = "avif bmp dib gif jfif jp2 jpe jpeg jpg pbm pgm png pnm ppm ras sr tif tiff webp"
SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
SAMPLES = 8  # images of a folder that determine the scaling of 16-bit values
BATCH = 16  # images of one file that are decoded at a time
LARGEST = 1 << 28  # pixels; a small file can declare a size that no memory holds
_GIF_PICTURE = re.compile(rb"\x21\xf9\x04.{4}\x00[\x21\x2c]", re.DOTALL)  # its graphic control extension
_NUMBER = re.compile(r"%0?(\d{0,2})d")
PAUSE_S = 0.1  # default duration of an image in an animation


def is_picture(path: Path) -> bool:
    """Return whether a file is an image by its suffix, and not hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts ``2.jpg`` before ``10.jpg``."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def matching(pattern: Path) -> list[Path]:
    """Return the images that match a pattern such as ``frame_%05d.png``, sorted by number.

    Raises:
        SourceError: the folder cannot be listed.
    """
    found = _NUMBER.search(pattern.name)
    assert found
    before, after = pattern.name[: found.start()], pattern.name[found.end() :]
    digits = r"\d+" if found[1] == "" else rf"\d{{{int(found[1])},}}"
    wanted = re.compile(f"{re.escape(before)}({digits}){re.escape(after)}")
    try:
        names = [(wanted.fullmatch(path.name), path) for path in pattern.parent.iterdir()]
    except OSError as error:
        raise SourceError(f"folder {pattern.parent} cannot be listed: {error.strerror}") from error
    return [path for _, path in sorted((int(match[1]), path) for match, path in names if match)]


def is_pattern(name: str) -> bool:
    """Return whether a name has one placeholder for a number, as in ``frame_%05d.png``."""
    return len(_NUMBER.findall(name)) == 1


def numbered(pattern: str, number: int) -> str:
    """Return the name for a number by a pattern; other percent signs are kept."""
    return _NUMBER.sub(lambda found: f"{number:0{int(found[1] or 1)}d}", pattern)


class Levels:
    """Converts 16-bit images to 8 bits, in the same way for all images of a source.

    Cameras with 10, 12 or 14 bits leave the upper bits empty, and thermal cameras use a narrow range. The values in
    some images of the source determine which value becomes white, and for a narrow range also which becomes black.
    """

    def __init__(self, reading: Reading, given: tuple[float, float] | None = None) -> None:
        self._reading = reading
        self._table: Pixels | None = None
        self._black = self._white = 0
        self._given = given is not None
        if given is not None:
            black, white = given
            shown = (np.arange(65536) - black) * (255 / (white - black))
            self._table = np.clip(shown.round(), 0, 255).astype(np.uint8)
            self._table[0] = 0  # depth cameras write 0 where there is no measurement

    @property
    def known(self) -> bool:
        """Whether there was a 16-bit image."""
        return self._table is not None

    def learn(self, pictures: Iterable[NDArray[Any]]) -> None:
        """Determine the levels from the 16-bit images; do nothing if there are none."""
        deep = [(int(p.min()), int(p.max())) for p in pictures if p.dtype == np.uint16]
        if not deep:
            return
        low, high = min(lows for lows, _ in deep), max(highs for _, highs in deep)
        white = next(2**bits - 1 for bits in (8, 10, 12, 14, 16) if high < 2**bits)
        narrow = 0 < high - low < white / 8
        self._set(low if narrow else 0, high if narrow else white)

    def _set(self, black: int, white: int) -> None:
        self._black, self._white = black, white
        scaled = (np.arange(65536) - black) * (255 / (white - black))
        self._table = np.clip(scaled.round(), 0, 255).astype(np.uint8)
        if white != 65535 or black:
            self._reading.remark(f"16 bits, with {black}..{white} scaled to 0..255")

    def to_8_bits(self, pixels: NDArray[Any]) -> Pixels:
        """Convert uint8 or uint16 (H, W, 3) to uint8 (H, W, 3)."""
        if pixels.dtype == np.uint8:
            if self._given:
                raise SourceError("levels have no effect: the images have 8 bits; leave levels out")
            return pixels
        if not self.known or (
            not self._given and self._black == 0 and int(pixels.max()) > self._white
        ):  # brighter than all images before
            self.learn([pixels])
        assert self._table is not None
        return np.asarray(self._table[pixels])


def decoded(data: bytes, name: str, *, fourth: bool = False) -> NDArray[Any]:
    """Decode an image from memory, which OpenCV does only if it is complete; return uint8 or uint16 (H, W, 3) BGR.

    With ``fourth``, return its fourth channel, in gray.

    Raises:
        SourceError: The image is damaged, truncated, too large, in a format that this OpenCV cannot read, or has no
            fourth channel.
    """
    cv2 = load_cv2()
    width, height = _extent(data)
    if width * height > LARGEST:
        raise SourceError(f"{name} is an image of {width}x{height}; expected at most {LARGEST} pixels")
    packed = np.frombuffer(data, np.uint8)
    if not packed.size:
        raise SourceError(f"{name} is empty; is it complete?")
    try:
        with silent(cv2):
            wanted = cv2.IMREAD_UNCHANGED if fourth else cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
            pixels = cv2.imdecode(packed, wanted)
            other = cv2.imdecode(packed, cv2.IMREAD_UNCHANGED) if pixels is None else pixels
    except (cv2.error, MemoryError) as error:
        raise SourceError(
            f"{name} cannot be decoded: {getattr(error, 'err', None) or 'out of memory'}"
        ) from error
    if other is None:
        raise SourceError(f"{name} is not an image that OpenCV {cv2.__version__} can read; is it complete?")
    if other.dtype not in (np.uint8, np.uint16):
        raise SourceError(f"{name} has pixels of {other.dtype}; expected unsigned integers of 8 or 16 bits")
    return _fourth(other, name) if fourth else np.asarray(pixels)


def _fourth(pixels: NDArray[Any], name: str) -> NDArray[Any]:
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels != 4:
        raise SourceError(
            f"{name} has {channels} channel{'s' * (channels > 1)}; expected four: color, and the image of a "
            "second sensor"
        )
    return np.repeat(pixels[..., 3:], 3, axis=2)


def _extent(data: bytes) -> tuple[int, int]:
    """Return the width and height in the header of a PNG, GIF, BMP or JPEG; (0, 0) for other formats."""
    if data[:4] == b"\x89PNG":
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:3] == b"GIF":
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if data[:2] == b"BM":
        return int.from_bytes(data[18:22], "little"), abs(int.from_bytes(data[22:26], "little", signed=True))
    place = 2
    while data[:2] == b"\xff\xd8" and data[place : place + 1] == b"\xff":
        kind, length = data[place + 1 : place + 2], int.from_bytes(data[place + 2 : place + 4], "big")
        if b"\xc0" <= kind <= b"\xcf" and kind not in (b"\xc4", b"\xc8", b"\xcc"):
            return (
                int.from_bytes(data[place + 7 : place + 9], "big"),
                int.from_bytes(data[place + 5 : place + 7], "big"),
            )
        place += 2 + length
    return 0, 0


def read_folder(
    paths: Sequence[Path],
    fps: float,
    reading: Reading,
    given: tuple[float, float] | None = None,
    *,
    fourth: bool = False,
) -> Frames:
    """Yield one frame per file; ``given`` are the 16-bit values that become black and white.

    With ``fourth`` it shows the fourth channel, in gray.

    Raises:
        SourceError: a file cannot be read, or has several images.
    """
    levels = Levels(reading, given)
    for index, path in enumerate(paths):
        data = _bytes(path)
        if _animated(data):
            raise SourceError(
                f"{path} holds several images, but in a folder each file is one frame; give the file itself "
                "as the source"
            )
        pixels = decoded(data, str(path), fourth=fourth)
        if pixels.dtype == np.uint16 and not levels.known:
            some = [path, *_spread(paths, SAMPLES)]
            levels.learn(decoded(_bytes(other), str(other), fourth=fourth) for other in some)
        yield Frame(levels.to_8_bits(pixels), index, index / fps)


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    return [paths[round(i)] for i in np.linspace(0, len(paths) - 1, min(count, len(paths)))]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def read_picture(path: Path, fps: float, reading: Reading) -> Frames:
    """Yield the frames of one file: an image, an animation at its own pace, or the pages of a TIFF at ``fps``.

    Raises:
        SourceError: the file cannot be read.
    """
    data = _bytes(path)
    if _animated(data):
        return _read_animation(data, str(path), reading)
    if path.suffix.lower() in (".tif", ".tiff"):
        return _read_pages(path, data, fps, reading)
    return read_folder([path], fps, reading)


def _animated(data: bytes) -> bool:
    """Return whether a WebP, PNG, AVIF or GIF has several images."""
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X":
        return bool(data[20] & 2)
    if data[:4] == b"\x89PNG":
        return 0 <= data.find(b"acTL") < data.find(b"IDAT")
    return data[4:12] == b"ftypavis" or (data[:3] == b"GIF" and len(_GIF_PICTURE.findall(data)) > 1)


def _read_animation(data: bytes, name: str, reading: Reading) -> Frames:
    cv2 = load_cv2()
    if not hasattr(cv2, "imdecodeanimation"):
        raise SourceError(
            f"{name} is animated, which OpenCV {cv2.__version__} cannot read; run: "
            "pip install 'opencv-python-headless>=4.11'"
        )
    levels, packed, index, time_s = Levels(reading), np.frombuffer(data, np.uint8), 0, 0.0
    while not reading.canceled:
        try:
            with silent(cv2):
                _, animation = cv2.imdecodeanimation(packed, start=index, count=BATCH)
        except cv2.error as error:
            raise SourceError(f"{name} cannot be decoded: {error.err}") from error
        for picture, pause_ms in zip(animation.frames, animation.durations, strict=True):
            yield Frame(levels.to_8_bits(picture[..., :3].copy()), index, time_s)
            time_s += pause_ms / 1000 if pause_ms > 0 else PAUSE_S
            index += 1
        if len(animation.frames) < BATCH:
            break
    if index == 0:
        raise SourceError(f"{name} is not an image that OpenCV {cv2.__version__} can read; is it complete?")


def _read_pages(path: Path, data: bytes, fps: float, reading: Reading) -> Frames:
    """Yield the first image, and the following ones of the same size; others are thumbnails."""
    cv2, levels = load_cv2(), Levels(reading)
    first = decoded(data, str(path))
    yield Frame(levels.to_8_bits(first), 0, 0.0)
    index, page, count = 1, 1, int(cv2.imcount(str(path)))
    while page < count and not reading.canceled:
        with silent(cv2):
            _, pages = cv2.imreadmulti(str(path), page, BATCH, flags=cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if not pages:
            raise SourceError(f"{path} ends early, after {page} of {count} pages; is it complete?")
        page += len(pages)
        for picture in pages:
            if picture.shape == first.shape:
                yield Frame(levels.to_8_bits(picture), index, index / fps)
                index += 1
