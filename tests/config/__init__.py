"""What the operator is promised about the configuration file."""
