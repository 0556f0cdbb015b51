"""The networks: trunk, fusion, token selection, channel self-attention, heads and the text encoder."""
