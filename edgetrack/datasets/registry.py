"""The list of all supported layouts."""

from __future__ import annotations

from pathlib import Path

from edgetrack.datasets import (
    anomaly_layouts,
    coco,
    davis,
    flickr30k,
    folder,
    got10k,
    langdev,
    lasot,
    mot17,
    nfs,
    otb,
    refcoco,
    refer_kitti,
    rgbx,
    tao,
    tnl2k,
    trackingnet,
    uav123,
    vos,
    vot,
)
from edgetrack.datasets.anomaly import AnomalyLayout, AnomalySet
from edgetrack.datasets.crowds import CrowdLayout, CrowdSet
from edgetrack.datasets.phrases import PhraseLayout, PhraseSet
from edgetrack.datasets.sets import RegionLayout, RegionSet, SequenceLayout, SequenceSet
from edgetrack.errors import DatasetError

Layout = SequenceLayout | RegionLayout | PhraseLayout | CrowdLayout | AnomalyLayout
Dataset = SequenceSet | RegionSet | PhraseSet | CrowdSet | AnomalySet
_ALL: tuple[Layout, ...] = (
    otb.OTB100,
    otb.OTB99_LANG,
    lasot.LASOT,
    lasot.LASOT_EXT,
    tnl2k.TNL2K,
    got10k.GOT10K,
    trackingnet.TRACKINGNET,
    uav123.UAV123,
    nfs.NFS,
    vot.VOT,
    davis.DAVIS,
    *vos.LAYOUTS,
    *rgbx.LAYOUTS,
    folder.FOLDER,
    coco.COCO,
    *refcoco.LAYOUTS,
    langdev.LANGDEV,
    langdev.LANGUAGE,
    flickr30k.FLICKR30K,
    mot17.MOT17,
    refer_kitti.REFER_KITTI,
    tao.TAO,
    anomaly_layouts.ANOMALY,
)
LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in _ALL}


def layout_of(name: str, split: str) -> Layout:
    """Return the layout called ``name``, which must have ``split``.

    Raises:
        DatasetError: There is no such data set, or it has no such split.
    """
    if name not in LAYOUTS:
        raise DatasetError(f"dataset {name!r} is unknown; expected one of: {', '.join(LAYOUTS)}")
    layout = LAYOUTS[name]
    if split not in layout.splits:
        raise DatasetError(f"{name} has no split {split!r}; expected one of: {', '.join(layout.splits)}")
    return layout


def open_dataset(name: str, path: str | Path, split: str) -> Dataset:
    """Open a data set in its official layout.

    Args:
        name: A key of `LAYOUTS`.
        path: The folder into which its archives were unpacked.
        split: One of the layout's ``splits``, "all" for data sets without splits.

    Returns:
        A `SequenceSet` for tracking data, a `RegionSet` for COCO and RefCOCO, +, g, a `PhraseSet` for images with
        phrases, a `CrowdSet` for sequences with many objects, an `AnomalySet` for unusual events.

    Raises:
        DatasetError: The name, the split or the folder is wrong. Reading a sequence raises it for faults in its files.
    """
    layout, root = layout_of(name, split), Path(path)
    if not root.is_dir():
        raise DatasetError(
            f"{root} is not a folder; expected {name} in its official layout there; correct the path"
        )
    if isinstance(layout, RegionLayout):
        return RegionSet(layout, root, split)
    if isinstance(layout, PhraseLayout):
        return PhraseSet(layout, root, split)
    if isinstance(layout, CrowdLayout):
        return CrowdSet(layout, root, split)
    if isinstance(layout, AnomalyLayout):
        return AnomalySet(layout, root, split)
    return SequenceSet(layout, root, split)
