"""`tocsin oncall`: who is on call."""
