"""The house rules, checked: imports, purity, layout, packaging, and that documents name what exists."""
