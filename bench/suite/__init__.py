"""The benchmark suite: this engine and its peers on the same topic and the same HBase, in turn."""
