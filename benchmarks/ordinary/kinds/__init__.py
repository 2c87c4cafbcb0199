"""Kinds of ordinary days, and what is expected of each."""
