"""Rules over tracks: conditions, as sentences or objects, and alerts when they become true.

`subject` and `conditions` define the conditions of a rule, `grammar` and `sentence` convert sentences to conditions and
back, `evaluate` evaluates a condition on a stream of scenes, and `watcher` raises an alert when a rule becomes true.
"""
