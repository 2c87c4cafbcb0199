"""Reviews of incidents and their action items, as people record them. Pure."""
