"""Inside a step: samples and stamps a batch, adds up its losses, and reports its metrics."""
