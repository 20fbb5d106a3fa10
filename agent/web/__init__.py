"""The station page: its files, its JSON, and who may see it."""
