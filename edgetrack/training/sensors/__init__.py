"""Training of the second sensor: pairs synthesized from color photos by sensor models, and simulated failures."""
