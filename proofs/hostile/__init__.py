"""The stream under records that harm: kinds, load, and the count of what became of each."""
