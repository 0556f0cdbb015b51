"""Training of LiteTrack-B on pairs of frames and on images with sentences, by ``edgetrack train``."""
