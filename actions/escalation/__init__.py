"""Escalation: who is paged for an incident, and who next if nobody acknowledges. Pure."""
