"""The ``camseg`` command, one file for each group of subcommands."""
