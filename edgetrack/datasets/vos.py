"""Data sets for video object segmentation in addition to DAVIS 2017: DAVIS 2016, YouTube-VOS and MOSE.

DAVIS 2016 (Perazzi et al., CVPR 2016), one object a video, gray masks:
DAVIS/{ImageSets/480p/val.txt, JPEGImages/480p/blackswan/00000.jpg, Annotations/480p/blackswan/00000.png}

YouTube-VOS (Xu et al., 2018), every fifth frame, objects from the frame on in which they appear:
YTVOS/train/{meta.json, JPEGImages/003234408d/00000.jpg, Annotations/003234408d/00000.png}

MOSE (Ding et al., ICCV 2023): MOSE/train/{JPEGImages/0a6b7c8d/00000.jpg, Annotations/0a6b7c8d/00000.png}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets.davis import Masks, boxes_of, color_of, objects_of, sequence_of, video_of
from edgetrack.datasets.frames import all_frames, image_names, subfolders
from edgetrack.datasets.sequence import ImageFrames, Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import inside, read_lines
from edgetrack.errors import MALFORMED, DatasetError
from edgetrack.io.opencv import load_cv2

_SIZE = "480p"


@dataclass(frozen=True)
class _GrayMasks:
    """Masks of the only object in a video, with the value 255."""

    folder: Path
    names: tuple[str, ...]

    def __call__(self, index: int) -> NDArray[np.bool_]:
        path = self.folder / self.names[index]
        plane = load_cv2().imread(str(path), load_cv2().IMREAD_GRAYSCALE) if path.is_file() else None
        if plane is None:
            raise DatasetError(f"{path} is not a mask; expected a grayscale PNG; unpack the archive again")
        return np.asarray(plane > 127)


def _davis2016_names(root: Path, split: str) -> list[str]:
    path = root / "ImageSets" / _SIZE / f"{split}.txt"
    videos = list(
        dict.fromkeys(Path(line.split()[0]).parent.name for line in read_lines(path))
    )  # a line is a frame
    if bad := next((video for video in videos if video in ("", "..")), None):
        raise DatasetError(
            f"{path} has a line without a video ({bad!r}); expected the names of a frame and its mask"
        )
    return videos


def _davis2016(root: Path, split: str, name: str) -> Sequence:
    del split
    folder = root / "Annotations" / _SIZE / name
    masks = _GrayMasks(folder, tuple(image_names(folder)))
    boxes = np.array(boxes_of(masks), np.float64)
    return Sequence(
        name, all_frames(root / "JPEGImages" / _SIZE / name, len(boxes), folder), boxes, masks=masks
    )


@cache
def _meta(path: Path) -> dict[str, Any]:
    """Return the frames of each object, by video."""
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"]
        return {
            inside(video, str(path), "the name of a video"): {
                str(int(number)): [inside(f, str(path), "the number of a frame") for f in one["frames"]]
                for number, one in content["objects"].items()
            }
            for video, content in videos.items()
        }
    except DatasetError:
        raise
    except (OSError, *MALFORMED) as error:
        raise DatasetError(
            f"{path} cannot be read ({error!r:.200}); expected YouTube-VOS's list of objects and their "
            "frames: unpack the archive again"
        ) from error


def _youtube_names(root: Path, split: str) -> list[str]:
    videos = _meta(root / split / "meta.json")
    return [f"{video}_{number}" for video in sorted(videos) for number in sorted(videos[video], key=int)]


def _youtube(root: Path, split: str, name: str) -> Sequence:
    video, _, number = name.rpartition("_")
    frames = _meta(root / split / "meta.json")[video][number]
    folder = root / split / "Annotations" / video
    masks = Masks(folder, tuple(f"{frame}.png" for frame in frames), color_of(int(number)))
    pictures = ImageFrames(root / split / "JPEGImages" / video, [f"{frame}.jpg" for frame in frames])
    return Sequence(name, pictures, np.array(boxes_of(masks), np.float64), masks=masks)


def _mose_names(root: Path, split: str) -> list[str]:
    folder = root / split / "Annotations"
    return [
        f"{video}_{number}"
        for video in subfolders(folder)
        for number in sorted(objects_of(folder / video / image_names(folder / video)[0]))
    ]


def _mose(root: Path, split: str, name: str) -> Sequence:
    video = video_of(name)
    return sequence_of(name, root / split / "JPEGImages" / video, root / split / "Annotations" / video)


DAVIS2016 = SequenceLayout("davis2016", ("train", "val"), _davis2016_names, _davis2016)
YOUTUBE_VOS = SequenceLayout("youtube-vos", ("train",), _youtube_names, _youtube, video=video_of)
MOSE = SequenceLayout("mose", ("train",), _mose_names, _mose, video=video_of)
LAYOUTS = (DAVIS2016, YOUTUBE_VOS, MOSE)
