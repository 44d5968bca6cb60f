"""The model control plane: pure rules and values."""
