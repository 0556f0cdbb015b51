"""What is measured: of a sequence, of a run, and of runs beside each other."""
