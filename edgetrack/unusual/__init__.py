"""What is unusual in a camera's view: a model of normal that is learned on the device, while it runs.

>>> from edgetrack.unusual import NormalModel
>>> model = NormalModel()  # doctest: +SKIP
>>> for frame in source:  # doctest: +SKIP
...     seen = model.update(frame)
...     if seen.score > model.threshold(per_day=1).score:
...         print(seen.regions[0].explanation)
>>> model.save("street.npz")  # doctest: +SKIP

No network is trained and none runs. The idea is that of attribute-based detection (AI-VAD: Reiss and Hoshen,
"Attribute-based Representations for Accurate and Interpretable Video Anomaly Detection", 2022): a few features that
people can name, a density of each by nearest neighbors, and scores made comparable by what is normal. `foreground`
finds what moves or was not there before, `objects` follows it, `features` measures it, `bank` keeps what is normal,
`calibration` says which score is rare enough, `model` puts them together, and `state` writes it to a file.
"""

from edgetrack.unusual.alarms import Alarm, Alarms
from edgetrack.unusual.calibration import Threshold
from edgetrack.unusual.model import Assessment, NormalModel, Region

__all__ = ["Alarm", "Alarms", "Assessment", "NormalModel", "Region", "Threshold"]
