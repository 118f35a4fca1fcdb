"""hoiquan: the command (being built)."""
