"""A causal model of a serving stack: arrivals, balancer, replicas, tenants, versions, and what they export."""
