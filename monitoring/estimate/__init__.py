"""Quality before all labels are known, and risk that is watched with a budget of false alarms."""
