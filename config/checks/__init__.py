"""Checks across the settings of a whole configuration."""
