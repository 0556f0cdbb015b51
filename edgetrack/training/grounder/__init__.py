"""Training of the grounding network: candidates first, words second."""
