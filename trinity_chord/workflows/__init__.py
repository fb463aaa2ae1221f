"""Trinity workflows that tell a reward function what it cannot see."""
