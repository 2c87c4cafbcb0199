"""Kills of the roles watch, execute and respond as processes of their own, on a real Kafka, and the account of it."""
