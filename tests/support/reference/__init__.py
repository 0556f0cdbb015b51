"""The tracker in plain Python and numpy, one step after another: what the C++ one is held to, bit for bit."""
