"""The model control plane over HTTP."""
