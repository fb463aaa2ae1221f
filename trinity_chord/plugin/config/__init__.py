"""Before a run: reads, checks and completes Trinity's configuration."""
