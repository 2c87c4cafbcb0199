"""A changed configuration in a running process: noticed, checked, and taken over where that needs no restart."""
