"""Inside a step: sample and stamp a batch, add up its losses, and report its metrics."""
