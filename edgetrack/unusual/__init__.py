"""Detection of unusual events in a camera's view, with a model of normal that is learned online on the device.

>>> from edgetrack.unusual import NormalModel
>>> model = NormalModel()  # doctest: +SKIP
>>> for frame in source:  # doctest: +SKIP
...     seen = model.update(frame)
...     if seen.score > model.threshold(per_day=1).score:
...         print(seen.regions[0].explanation)
>>> model.save("street.npz")  # doctest: +SKIP

No neural network is trained or run. The method is attribute-based detection (AI-VAD: Reiss and Hoshen,
"Attribute-based Representations for Accurate and Interpretable Video Anomaly Detection", 2022): a few interpretable
features, a density of each from nearest neighbors, and scores that are normalized by normal values. `foreground`
finds moving and new objects, `objects` tracks them, `features` measures them, `bank` stores what is normal,
`calibration` determines which score is rare enough, `model` combines these parts, and `state` saves them to a file.
"""

from edgetrack.unusual.alarms import Alarm, Alarms
from edgetrack.unusual.calibration import Threshold
from edgetrack.unusual.model import Assessment, NormalModel, Region

__all__ = ["Alarm", "Alarms", "Assessment", "NormalModel", "Region", "Threshold"]
