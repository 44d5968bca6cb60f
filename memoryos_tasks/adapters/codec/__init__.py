"""Codecs for text at rest."""
