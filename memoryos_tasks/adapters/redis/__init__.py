"""Redis, in its two roles: truth (the record) and traffic (what may be lost)."""
