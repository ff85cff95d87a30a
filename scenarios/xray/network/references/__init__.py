"""Other models of the same X-rays, which the network is compared with."""
