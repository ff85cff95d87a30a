"""What the judge is made of: conditions, the second stage, reasons, cases that cannot be judged."""
