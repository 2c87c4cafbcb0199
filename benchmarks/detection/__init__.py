"""Accuracy, calibration and cost of detection, each a command that prints ours beside the baselines in one run.

Causality rule, kept by every subject here: the answer to sample t depends on samples 0 to t of its own series and on
constants fixed before the run. No whole-file minimum, maximum, mean or length is handed to anybody.
"""
