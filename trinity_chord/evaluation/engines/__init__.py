"""Engines that sample answers, one file each; `evaluation.sampling` chooses between them."""
