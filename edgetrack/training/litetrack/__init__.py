"""Training of LiteTrack-B on pairs of frames and on pictures with sentences, by ``edgetrack train``."""
