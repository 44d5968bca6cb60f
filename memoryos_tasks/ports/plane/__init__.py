"""The model control plane: what it needs of the world."""
