"""Incidents that come back: which are a habit, and when one is more than its habit."""
