"""Accuracy, calibration and cost of detection, each a command that prints our figures beside those of the baselines.

Every candidate is causal: its score of sample t depends on samples 0 to t of its own series and on constants fixed
before the run. No candidate gets the minimum, maximum, mean or length of a whole file.
"""
