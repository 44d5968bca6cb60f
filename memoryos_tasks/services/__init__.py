"""Use cases: one file each, working on the domain through ports; called by tasks and by tests with fakes."""
