"""The split of images and videos into training and validation.

A hash decides, so the split is the same in every run, with every seed, and in every data set that contains an image:
no run trains on the validation data of another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgetrack.errors import ConfigError
from edgetrack.training.data.mixture import LEAST, NOTHING, Mixture
from edgetrack.training.data.pictures import Picture
from edgetrack.training.data.sources.videos import Videos
from edgetrack.training.data.synthetic.pool import Pool


def is_held_out(key: str | bytes, share: float) -> bool:
    """Return whether the image or video with this name or content is in the held-out fraction ``share`` (0 to 1)."""
    content = key.encode() if isinstance(key, str) else key
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big") < share * 2**64


@dataclass(frozen=True)
class Material:
    """The data that samples are drawn from: images, videos if any, and official data sets."""

    pictures: Sequence[Picture]
    videos: Videos | None = None
    mixture: Mixture = field(default=NOTHING)

    def parted(self, share: float) -> tuple[Material, Material]:
        """Return the material for training, and the fraction ``share`` of images and videos for validation.

        Raises:
            ConfigError: One of the two has too little data for samples.
        """
        sides: tuple[list[Picture], list[Picture]] = ([], [])
        for picture in self.pictures:
            sides[is_held_out(_key(picture), share)].append(picture)
        videos = _parted_videos(self.videos, share) if self.videos is not None else (None, None)
        mixtures = self.mixture.parted(lambda key: is_held_out(key, share))
        train, held = (Material(*side) for side in zip(sides, videos, mixtures, strict=True))
        if not _suffices(held.pictures):
            held = replace(held, pictures=(), videos=None)
        for name, side in (("train", train), ("validate", held)):
            if not side.pictures and not any(source.text for _, source in side.mixture.sources):
                raise ConfigError(
                    f"held_out = {share:g} of {len(self.pictures)} images and {len(self.mixture.sources)} data sets "
                    f"leaves too little to {name} on; expected {LEAST} images with objects of two classes, or as many "
                    "sequences or images of a data set with sentences: change held_out, or set held_out = 0 to train "
                    "without validation"
                )
        return train, held


def _key(picture: Picture) -> bytes:
    """Return the pixels of an image as its key, or the name of the drive, whose frames look alike."""
    if picture.source == "camvid":
        return picture.name.split("_")[0].encode()
    return picture.pixels.tobytes()


def _suffices(pictures: Sequence[Picture]) -> bool:
    """Return whether there is enough for both kinds of samples: a caption may need an object that a scene lacks."""
    pool = Pool(pictures)
    shown = {id(actor.picture) for actors in pool.actors.values() for actor in actors}
    return len(shown) >= LEAST and len([name for name in pool.categories if pool.actors[name]]) > 1


def _parted_videos(videos: Videos, share: float) -> tuple[Videos | None, Videos | None]:
    """Split whole tracks by a hash of their first frame.

    Tracks of unlabeled videos are all for training, because one video has several of them.
    """
    labeled = len(videos) - videos.pseudo
    held = [
        i < labeled and is_held_out(videos.jpeg(int(videos.starts[i])).tobytes(), share)
        for i in range(len(videos))
    ]
    return videos.chosen(~np.array(held, bool)), videos.chosen(np.array(held, bool))
