"""One chat's way through the gateway: ask, follow, answer."""
