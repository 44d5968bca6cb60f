"""Memories on their way in and out: our own document and what other systems write."""
