"""Rules over tracks: what is told of, in words or as conditions, and when it becomes true.

`subject` and `conditions` say what a rule can ask for, `grammar` and `sentence` turn sentences into conditions and
back, `evaluate` follows a condition through a stream of scenes, and `watcher` tells when a rule becomes true.
"""
