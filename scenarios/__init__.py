"""Scenarios: each declares its events, features, label, model and policy; the engine is one."""
