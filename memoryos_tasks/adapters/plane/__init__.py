"""The model control plane: its adapters."""
