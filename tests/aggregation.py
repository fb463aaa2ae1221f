"""An independent reference for the four aggregation modes."""


def aggregate(row_sums, counts, mode, width):
    """Aggregate the rows of one kind, given their token sums, token counts and the batch width."""
    if mode == "token-mean":
        return sum(row_sums) / sum(counts)
    if mode == "seq-mean-token-mean":
        return sum(s / c for s, c in zip(row_sums, counts, strict=True) if c) / len(counts)
    if mode == "seq-mean-token-sum":
        return sum(row_sums) / len(counts)
    return sum(row_sums) / width
