"""Token sampling with `transformers`, shared by the CPU rollout engine and by evaluation."""
