"""What the lane does about a verdict: policy, replay, clock, the state table, the audit record. Pure."""
