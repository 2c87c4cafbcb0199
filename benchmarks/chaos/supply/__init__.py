"""The supply of Tocsin in a run, and how each part of it breaks."""
