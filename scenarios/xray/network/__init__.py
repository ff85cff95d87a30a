"""The network that turns an X-ray into an embedding, two logits and a novelty."""
