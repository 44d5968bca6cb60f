"""Vaults: where keys are kept."""
