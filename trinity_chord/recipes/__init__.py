"""The recipes of configs/math and configs/tool: one configuration for each method and domain."""
