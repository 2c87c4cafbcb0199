"""Who is on call: a pure function of the schedules, the overrides and an instant."""
