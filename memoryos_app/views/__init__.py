"""The calls: each parses, asks a part, answers."""
