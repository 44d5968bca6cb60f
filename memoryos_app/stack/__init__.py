"""The one-command start: the programs of a whole MemoryOS on one machine, and their supervisor."""
