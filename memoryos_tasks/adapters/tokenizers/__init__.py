"""Tokenizers that come with their vocabularies."""
