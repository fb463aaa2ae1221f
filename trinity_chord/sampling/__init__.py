"""Token sampling on `transformers`, shared by the CPU rollout engine and by evaluation."""
