"""The model control plane: its use cases."""
