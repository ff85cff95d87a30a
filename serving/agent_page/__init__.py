"""The page for a call in progress: who the customer is, why the score, what to do now."""
