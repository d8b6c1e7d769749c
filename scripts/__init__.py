"""The command line, and the launchers for clusters."""
