"""Records of a scenario in HBase's control table: epochs, deployments, leases, losses, erasures."""
