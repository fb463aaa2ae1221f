"""Math benchmarks: `trinity-chord eval math`."""
