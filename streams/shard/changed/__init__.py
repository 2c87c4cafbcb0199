"""A shard under another plan: what it learned by which parameters, and what it keeps."""
