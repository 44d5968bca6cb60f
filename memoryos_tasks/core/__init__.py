"""The pure domain: no I/O, no framework, no clock but a passed one."""
