"""The house rules, checked: who may import whom, what is pure, and that the documents tell the truth."""
