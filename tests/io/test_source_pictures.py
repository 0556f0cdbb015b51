"""Images as sources: every format that OpenCV reads, 16 bits, animations, pages, and damaged files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack.errors import SourceError
from edgetrack.io.sources import open_source

cv2 = pytest.importorskip("cv2")

KINDS = "avif bmp dib gif jp2 jpe jpeg jpg png pnm ppm ras sr tif tiff webp"
FORMATS = [*KINDS.split()]
RAMP = np.tile(np.arange(640) * 65535 // 639, (24, 1))


def scene(seed: int = 0, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, size), np.uint8)


def write(path: Path, pixels: NDArray[np.generic]) -> Path:
    if not cv2.haveImageWriter(str(path)) or not cv2.imwrite(str(path), pixels):
        pytest.skip(f"this OpenCV cannot write {path.suffix}")
    return path


def frames(place: Path) -> list[NDArray[np.uint8]]:
    with open_source(place) as source:
        return [frame.pixels.copy() for frame in source]


@pytest.mark.parametrize("kind", FORMATS)
def test_folder_may_mix_image_formats(tmp_path: Path, kind: str) -> None:
    for number in (1, 2):
        write(tmp_path / f"{number}.{kind}", scene(number))
    read = frames(tmp_path)
    assert len(read) == 2
    for number, pixels in enumerate(read, 1):
        assert np.abs(pixels.astype(int) - scene(number)).mean() < 20  # GIF has 256 colors


@pytest.mark.parametrize("kind", FORMATS)
def test_truncated_image_is_not_a_frame(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"1.{kind}", scene())
    cut = write(tmp_path / f"2.{kind}", scene(1))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 6 // 10])
    with (
        open_source(tmp_path) as source,
        pytest.raises(SourceError, match=rf"2\.{kind} is not an image that OpenCV .* is it complete\?"),
    ):
        list(source)


def test_folder_without_images_says_what_it_contains(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    (tmp_path / "b.exr").write_bytes(b"")
    with pytest.raises(
        SourceError, match=r"has no images; it has files \.exr, \.mp4; expected files such as 1\.jpg"
    ):
        open_source(tmp_path)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_16_bit_images_use_all_256_levels(tmp_path: Path, bits: int, kind: str) -> None:
    write(tmp_path / f"1.{kind}", (RAMP >> (16 - bits)).astype(np.uint16))
    with open_source(tmp_path) as source:
        pixels = next(iter(source)).pixels
        assert source.notes == ([] if bits == 16 else [f"16 bits, with 0..{2**bits - 1} scaled to 0..255"])
    assert (pixels.shape, pixels.dtype) == ((24, 640, 3), np.uint8)
    assert len(np.unique(pixels)) == 256
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(640) * 255 // 639).max() <= 1


def test_all_16_bit_images_of_a_folder_have_the_same_scale(tmp_path: Path) -> None:
    """A dark first image does not saturate the others, and values that no sample had still fit."""
    for number, brightest in enumerate([300, 4000, 300, *[300] * 20, 4095], 1):
        write(tmp_path / f"{number}.png", np.full((8, 8), brightest, np.uint16))
    assert [int(pixels.max()) for pixels in frames(tmp_path)][:2] == [19, 249]
    write(tmp_path / "5.png", np.full((8, 8), 16000, np.uint16))
    assert max(int(pixels.max()) for pixels in frames(tmp_path)) == 249


def test_thermal_image_is_stretched_to_its_narrow_range(tmp_path: Path) -> None:
    write(tmp_path / "1.png", (29500 + RAMP * 1500 // 65535).astype(np.uint16))  # hundredths of a kelvin
    [pixels] = frames(tmp_path)
    assert (int(pixels.min()), int(pixels.max())) == (0, 255)
    assert len(np.unique(pixels)) == 256


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_fourth_channel_is_a_second_sensor(tmp_path: Path, kind: type) -> None:
    step = 1 if kind is np.uint8 else 257
    pixels: NDArray[np.generic] = np.zeros((8, 8, 4), kind)
    pixels[..., :3], pixels[..., 3] = 200 * step, (RAMP[:8, :8] % 200) * step
    pixels[0, 0, 3] = 255 * step
    write(tmp_path / "1.png", pixels)
    [color] = frames(tmp_path)
    assert (color == 200).all()
    with open_source(tmp_path, fourth=True) as source:
        [frame] = source
    assert (frame.pixels == (pixels[..., 3:] // step)).all()
    assert frame.pixels.shape == (8, 8, 3)


def test_source_without_a_fourth_channel_is_rejected(tmp_path: Path) -> None:
    write(tmp_path / "1.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(SourceError, match=r"1\.png has 3 channels; expected four"):
        open_source(tmp_path, fourth=True)
    with pytest.raises(SourceError, match=r"fourth has no effect: .* is not a folder of images with four"):
        open_source(tmp_path / "1.png", fourth=True)


def test_unsupported_pixel_types_are_rejected(tmp_path: Path) -> None:
    write(tmp_path / "1.tiff", np.full((8, 8), 0.5, np.float32))
    with pytest.raises(
        SourceError, match=r"1\.tiff has pixels of float32; expected unsigned integers of 8 or 16 bits"
    ):
        open_source(tmp_path)


def animation(path: Path, pictures: int) -> Path:
    if not hasattr(cv2, "Animation"):
        pytest.skip(f"OpenCV {cv2.__version__} writes no animations")
    made = cv2.Animation()
    made.frames = [cv2.cvtColor(scene(i), cv2.COLOR_BGR2BGRA) for i in range(pictures)]
    made.durations = [40 + 20 * (i % 2) for i in range(pictures)]
    if not cv2.imwriteanimation(str(path), made, [cv2.IMWRITE_WEBP_QUALITY, 95]):
        pytest.skip(f"this OpenCV writes no animated {path.suffix}")
    return path


@pytest.mark.parametrize("kind", ["webp", "png", "gif"])
@pytest.mark.parametrize("pictures", [3, 40])
def test_animation_plays_to_its_end(tmp_path: Path, kind: str, pictures: int) -> None:
    path = animation(tmp_path / f"a.{kind}", pictures)
    with open_source(path) as source:
        read = [(frame.index, frame.time_s, frame.pixels.copy()) for frame in source]
    assert [index for index, _, _ in read] == list(range(pictures))
    assert [time_s for _, time_s, _ in read][:3] == pytest.approx([0, 0.04, 0.1], abs=0.001)
    for index, _, pixels in read:
        assert np.abs(pixels.astype(int) - scene(index)).mean() < 20


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_animation_in_a_folder_is_rejected(tmp_path: Path, kind: str) -> None:
    animation(tmp_path / f"a.{kind}", 3)
    with pytest.raises(SourceError, match="holds several images, but in a folder each file is one frame"):
        open_source(tmp_path)


def test_pages_of_a_tiff_are_frames_except_thumbnails(tmp_path: Path) -> None:
    pages = [scene(i) for i in range(20)]
    pages.insert(5, scene(99, (16, 12)))
    assert cv2.imwritemulti(str(tmp_path / "a.tif"), pages)
    read = frames(tmp_path / "a.tif")
    assert len(read) == 20
    assert all(np.array_equal(pixels, scene(i)) for i, pixels in enumerate(read))


def test_image_is_rotated_by_its_exif_orientation(tmp_path: Path) -> None:
    write(tmp_path / "1.jpg", scene())
    data = (tmp_path / "1.jpg").read_bytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: a quarter turn
    (tmp_path / "1.jpg").write_bytes(
        data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    )
    assert [pixels.shape for pixels in frames(tmp_path)] == [(64, 48, 3)]


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp"])
def test_small_file_that_declares_a_huge_image_is_rejected(tmp_path: Path, kind: str) -> None:
    side = 30000
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = {
        "png": b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + ihdr + struct.pack(">I", zlib.crc32(ihdr)),
        "jpg": b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, side, side, 3) + bytes(9),
        "gif": b"GIF89a" + struct.pack("<HH", side, side) + bytes(9),
        "bmp": b"BM" + bytes(16) + struct.pack("<ii", side, -side) + bytes(32),
    }
    (tmp_path / f"1.{kind}").write_bytes(data[kind])
    with pytest.raises(SourceError, match=r"is an image of 30000x30000; expected at most 268435456 pixels"):
        open_source(tmp_path)
