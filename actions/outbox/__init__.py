"""What is to be told by channels of incidents, requests and escalations: one log of notifications. Pure."""
