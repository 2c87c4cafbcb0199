"""Chaos: live records on a real Kafka, faults of Tocsin's own supply, then an account of what it published and did."""
