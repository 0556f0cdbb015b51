"""Running an evaluation: planning, processes and machines, records on disk."""
