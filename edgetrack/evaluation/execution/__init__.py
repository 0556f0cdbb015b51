"""Running an evaluation: plan, worker processes and machines, and records on disk."""
