"""The metadata of a recording: facts about the run that wrote it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edgetrack import __version__

if TYPE_CHECKING:
    from edgetrack.cli.status import Engine
    from edgetrack.io.paired import PairedSource
    from edgetrack.io.source import Source
    from edgetrack.types import Box


def recording_metadata(
    source: Source, engine: Engine, *, text: str | None, box: Box | None, second: PairedSource | None = None
) -> dict[str, str]:
    """Return sources, model, engine and target as texts: enough to replay. ``box`` is a JSON list x, y, w, h."""
    manifest = engine.bundle.manifest
    facts = {"edgetrack": __version__, "recorded": datetime.now(timezone.utc).isoformat(timespec="seconds")}
    facts |= {"source": source.name, "model": manifest.name, "model version": manifest.version}
    facts |= {"model digest": manifest.digest, "bundle": str(engine.bundle.folder.resolve())}
    facts |= {"engine": engine.name, "precision": engine.precision, "engine reason": str(engine.info)}
    facts |= {"x": second.second.source.name} if second is not None else {}
    facts |= {"fps": repr(source.fps)} if source.fps else {}
    facts |= {"text": text} if text is not None else {}
    return facts | ({"box": json.dumps(box.xywh)} if box is not None else {})


def run_labels(facts: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of the run's metrics: some of its ``recording_metadata``, by label."""
    return {
        "version": facts["edgetrack"],
        **{name: facts[name] for name in ("source", "model", "engine", "precision")},
    }
