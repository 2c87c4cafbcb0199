"""Recordings of live topics."""
