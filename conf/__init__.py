"""Settings: TOML files, the environment and --set, read into frozen models; jobs hand them on."""
